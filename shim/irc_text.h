// Text on IRC: what may stand in a line, and messages between two people.
#pragma once

#include <znc/Message.h>
#include <znc/Utils.h>

#include <algorithm>
#include <array>

#include "protocol.h"

using wire::Kind;

// What could end or split an IRC line.
static const std::array<char, 3> kEnds = {'\r', '\n', '\0'};

static bool Ends(char c) { return std::find(kEnds.begin(), kEnds.end(), c) != kEnds.end(); }

// What some client takes for a blank.
static bool IsBlank(unsigned char c) { return c <= ' ' || c == 0x7f; }

static bool HasBlank(const CString& sText) { return std::any_of(sText.begin(), sText.end(), IsBlank); }

// Hardly any text does.
static bool HasEnd(const std::string& text) {
    return std::any_of(kEnds.begin(), kEnds.end(), [&](char c) { return text.find(c) != std::string::npos; });
}

static CString Clean(const std::string& text) {
    CString sClean(text);
    if (!HasEnd(text)) return sClean;
    sClean.erase(std::remove_if(sClean.begin(), sClean.end(), Ends), sClean.end());
    return sClean;
}

// A name that somebody else chose, for a line of *otr.
static CString Quoted(const CString& sName) {
    CString sClean;
    for (const char c : sName)
        if (static_cast<unsigned char>(c) > ' ' && c != 0x7f) sClean += c;
    return sClean.size() > 64 ? sClean.substr(0, 64) + "..." : sClean;
}

static bool IsNotice(Kind kind) { return kind == Kind::Notice || kind == Kind::CtcpReply; }

static CString Words(Kind kind, const std::string& text) {
    CString sText = Clean(text);
    if (kind == Kind::Text || kind == Kind::Notice) return sText;
    return (kind == Kind::Action ? "\001ACTION " : "\001") + sText.Replace_n("\001", "") + "\001";
}

// As ZNC would parse it, which takes four times as many instructions as a copy.
static CMessage PrivMessage(const CString& sTarget, Kind kind, const CString& sWords) {
    static const CMessage s_Text("PRIVMSG * :"), s_Notice("NOTICE * :");
    CMessage Message = IsNotice(kind) ? s_Notice : s_Text;
    Message.SetTime(CUtils::GetTime());
    Message.SetParam(0, sTarget);
    Message.SetParam(1, sWords);  // and the type that goes with them
    return Message;
}

static CString PrivLine(const CString& sTarget, Kind kind, const CString& sWords) {
    CString sLine;
    sLine.reserve(sTarget.size() + sWords.size() + 16);
    sLine.append(IsNotice(kind) ? "NOTICE " : "PRIVMSG ").append(sTarget).append(" :").append(sWords);
    return sLine;
}

static bool IsOtr(const CString& sText) { return sText.compare(0, 4, "?OTR") == 0; }

// Text as ZNC's own types read and write it, /me without its wrapping.
static CString Text(CMessage& Message, Kind kind) {
    if (kind == Kind::Action) return Message.As<CActionMessage>().GetText();
    return Message.GetParam(1);
}

static void SetText(CMessage& Message, Kind kind, const CString& sText) {
    if (kind == Kind::Action)
        Message.As<CActionMessage>().SetText(sText);
    else
        Message.SetParam(1, sText);
}
