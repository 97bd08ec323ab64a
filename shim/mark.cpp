// The sign that the user chose, `mark`: in front of what was decrypted, and taken off the front of all
// else that is said, as a line goes to a client. The buffers have neither: what came before there was
// a sign is read with it.
#include "otr.h"

static const char* const kUsualSign = "[OTR]";

static bool IsSign(const std::string& sign) {
    return sign::Valid(sign) && std::none_of(kMarks.begin(), kMarks.end(), [&](const char* szMark) {
               return sign::Begins(szMark, sign);
           });
}

void COtr::LoadSign() {
    m_sSign = GetNV("sign");
    if (IsSign(m_sSign)) return;
    if (!m_sSign.empty()) Say("The mark in ZNC's registry is none: nothing is marked.", Style::Bad);
    m_sSign.clear();
}

bool COtr::IsMark(const CString& sLine) { return sLine.Token(0).Equals("mark"); }

// For all clients of this network; otrd knows nothing of it.
void COtr::SetSign(const CString& sLine) {
    CString sSign = sLine.Token(1, true).Trim_n();
    if (sSign.empty())
        return Say(m_sSign.empty() ? CString("Nothing is marked.") : "What was encrypted is marked with " + m_sSign);
    if (sSign.Equals("off")) sSign.clear();
    if (sSign.Equals("on")) sSign = m_sSign.empty() ? CString(kUsualSign) : m_sSign;
    sSign.Replace("\xef\xb8\x8f", "");  // which makes a symbol an emoji
    if (!sSign.empty() && !IsSign(sSign))
        return Say("A mark has at most " + CString(sign::kMost) + " letters and signs and no blanks or digits, "
                   "and ends in a sign: [OTR] for example, or one symbol.", Style::Bad);
    const bool bKept = sSign.empty() ? !HasNV("sign") || DelNV("sign") : SetNV("sign", sSign);
    m_sSign = sSign;
    LetTagsPass();
    if (!bKept) Say("ZNC cannot write that down: it is so until the module is loaded again.", Style::Bad);
    if (m_sSign.empty())
        Say("Nothing is marked from now on.");
    else
        Say("What was encrypted is marked from now on with " + m_sSign);
}

// ZNC drops a tag that a client does not have. These hold the one that tells what protected a text;
// it goes no further than OnSendToClientMessage.
void COtr::LetTagsPass() {
    if (m_sSign.empty()) return;
    for (CClient* pClient : GetNetwork()->GetClients()) pClient->SetTagSupport(m_sMark, true);
}

CModule::EModRet COtr::OnPrivBufferPlayMessage(CMessage& Message) {
    if (!m_sSign.empty() && Message.GetClient()) Message.GetClient()->SetTagSupport(m_sMark, true);
    return CONTINUE;
}

// Where the words of a text begin that may be /me; none where it is another CTCP.
static size_t BeginOfWords(const CString& sText) {
    if (sText.empty() || sText[0] != 1) return 0;
    const size_t uEnd = sText.find_first_of(CString(" \001", 2), 1);
    const bool bAction = CString(sText.substr(1, uEnd == CString::npos ? uEnd : uEnd - 1)).Equals("ACTION");
    return bAction && uEnd != CString::npos && sText[uEnd] == ' ' ? uEnd + 1 : CString::npos;
}

// A line as it goes to a client, and what protected it.
void COtr::PutSign(CMessage& Message, const CString& sSecurity) const {
    if (m_sSign.empty() || Message.GetParams().size() < 2) return;
    if (!Message.GetCommand().Equals("PRIVMSG") && !Message.GetCommand().Equals("NOTICE")) return;
    if (IsModuleName(Message.GetNick().GetNick())) return;
    // Some clients take all the rest for the text, with a colon or without.
    VCString vsWords(Message.GetParams().begin() + 1, Message.GetParams().end());
    const CString sText = CString(" ").Join(vsWords.begin(), vsWords.end());
    const size_t uBegin = BeginOfWords(sText);
    if (uBegin == CString::npos) return;
    const CString sFront = sText.substr(0, uBegin);
    CString sWords = sText.substr(uBegin);
    // ZNC puts the time in front of what it plays back.
    const CString sTime = GetUser()->AddTimestamp(Message.GetTime().tv_sec, "");
    const bool bTime = !sTime.empty() && sWords.compare(0, sTime.size(), sTime) == 0;
    CString sClean = sign::Without(sWords, m_sSign);
    if (bTime && sClean == sWords) sClean = sTime + sign::Without(sWords.substr(sTime.size()), m_sSign);
    const bool bTheirs = Message.GetParam(0).Equals(OwnNick()) ||
                         (Message.GetClient() && Message.GetParam(0).Equals(Message.GetClient()->GetNick()));
    const bool bPrivate = bTheirs && (sSecurity == "unverified" || sSecurity == "verified");
    if (!bPrivate && sClean == sWords) return;
    Message.SetParams({Message.GetParam(0), sFront + (bPrivate ? m_sSign + " " : CString()) + sClean});
}
