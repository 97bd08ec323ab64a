// The mark that the user chose: in front of what was decrypted, and taken off the front of all
// else that is said, as a line goes to a client. The buffers have neither: what came before there was
// a mark is read with it.
#include "otr.h"

static const char* const kDefaultMark = "[OTR]";

static bool IsMarkText(const std::string& mark) {
    return mark::Valid(mark) && std::none_of(kMarks.begin(), kMarks.end(),
                                             [&](const char* szMark) { return mark::Begins(szMark, mark); });
}

void COtr::LoadMark() {
    m_sMark = GetNV("mark");
    if (IsMarkText(m_sMark)) return;
    if (!m_sMark.empty()) Say("The mark in ZNC's registry is none: nothing is marked.", Style::Bad);
    m_sMark.clear();
}

bool COtr::IsMarkCommand(const CString& sLine) { return sLine.Token(0).Equals("mark"); }

// For all clients of this network; otrd knows nothing of it.
void COtr::SetMark(const CString& sLine) {
    CString sMark = sLine.Token(1, true).Trim_n();
    if (sMark.empty())
        return Say(m_sMark.empty() ? CString("Nothing is marked.")
                                   : "What was encrypted is marked with " + m_sMark);
    if (sMark.Equals("off")) sMark.clear();
    if (sMark.Equals("on")) sMark = m_sMark.empty() ? CString(kDefaultMark) : m_sMark;
    sMark.Replace("\xef\xb8\x8f", "");  // which makes a symbol an emoji
    if (!sMark.empty() && !IsMarkText(sMark))
        return Say("A mark has at most " + CString(mark::kMost) +
                       " letters and punctuation marks, no blanks or digits, "
                       "and does not end in a letter: [OTR] for example, or one symbol.",
                   Style::Bad);
    Store("mark", sMark);
    m_sMark = sMark;
    LetTagsPass();
    if (m_sMark.empty())
        Say("Nothing is marked from now on.");
    else
        Say("What was encrypted is marked from now on with " + m_sMark);
}

// ZNC drops a tag that a client does not have. These hold the one that tells what protected a text;
// it goes no further than OnSendToClientMessage.
void COtr::LetTagsPass() {
    if (m_sMark.empty()) return;
    for (CClient* pClient : GetNetwork()->GetClients()) pClient->SetTagSupport(m_sTag, true);
}

CModule::EModRet COtr::OnPrivBufferPlayMessage(CMessage& Message) {
    if (!m_sMark.empty() && Message.GetClient()) Message.GetClient()->SetTagSupport(m_sTag, true);
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
void COtr::AddMark(CMessage& Message, const CString& sSecurity) const {
    if (m_sMark.empty() || Message.GetParams().size() < 2) return;
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
    const CUser& User = *GetUser();
    const CString sTime =
        User.GetTimestampPrepend()
            ? CUtils::FormatTime(Message.GetTime(), User.GetTimestampFormat(), User.GetTimezone()) + " "
            : CString();
    const bool bTime = !sTime.empty() && sWords.compare(0, sTime.size(), sTime) == 0;
    CString sClean = mark::Without(sWords, m_sMark);
    if (bTime && sClean == sWords) sClean = sTime + mark::Without(sWords.substr(sTime.size()), m_sMark);
    const bool bTheirs = Message.GetParam(0).Equals(OwnNick()) ||
                         (Message.GetClient() && Message.GetParam(0).Equals(Message.GetClient()->GetNick()));
    const bool bPrivate = bTheirs && (sSecurity == "unverified" || sSecurity == "verified");
    if (!bPrivate && sClean == sWords) return;
    Message.SetParams({Message.GetParam(0), sFront + (bPrivate ? m_sMark + " " : CString()) + sClean});
}
