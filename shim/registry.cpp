// What the module remembers over restarts, in ZNC's registry: which network this is, and whom it holds
// closed. ZNC empties the file before it writes all of it again, sorted by name: a full disk or a crash
// leaves a part of it, or nothing.
#include "otr.h"

// Sorts behind all our other names: where it is in the file, so are they.
static const char* const kWhole = "whole";

// To be asked before anything is written. No file: the network is new, or its user was deleted.
bool COtr::RegistryIsDamaged() {
    if (GetNV(kWhole) == "1") return false;
    const bool bOlderModules = HasNV("ignore") && !HasNV("identity");
    return !bOlderModules && CFile::Exists(GetSavePath() + "/.registry");
}

// Reads it. Of a damaged one, entries of closed nicks may be missing: everybody is closed. The account is
// found by the names of user and network, and gets the new identity.
void COtr::Recall(bool bDamaged) {
    if (!IsIdentity(GetNV("identity"))) {
        SetNV("identity", NewIdentity(), false);
        if (bDamaged) SetNV("by_name", "1", false);
    }
    if (!m_Closed.Load(GetNV("closed")) || bDamaged) {
        m_Closed.CloseEverybody();
        Say("Which conversations were private is not known any more: nothing goes out in clear to anybody until you say finish and the nick, or finish --all.",
            Style::Bad);
    }
    // An earlier module kept the nicks themselves.
    VCString vsNicks;
    GetNV("guard").Split(" ", vsNicks, false);
    for (const CString& sNick : vsNicks) m_Closed.Close(sNick);
    m_Required = guard::Required(bDamaged || !GetNV("required").empty());
    ExpectLetters(ISupport("CASEMAPPING", ""));
    DelNV("guard", false);
    SetNV("closed", m_Closed.Store(), false);
    m_uStored = m_Closed.Changes();
    Store(kWhole, "1");
}

// Writing takes ZNC a while: for those who are closed it is done once in a second. What could not be
// written is tried again.
void COtr::StoreClosed(bool bNow) {
    if ((m_Closed.Changes() == m_uStored && !m_bCannotStore) || (!bNow && m_iStored == Now())) return;
    m_uStored = m_Closed.Changes();
    m_iStored = Now();
    Store("closed", m_Closed.Store());
}

// What the module alone knows, without waiting for the next second: otrd may be away, or never hears of it,
// and a crash would forget it. But only so often in each: a server may send NICK without end.
void COtr::StoreAtOnce() {
    if (m_Closed.Changes() == m_uStored) return;
    if (m_iStored != Now()) m_uStoredAtOnce = 0;
    if (m_uStoredAtOnce++ < kMaxStoredAtOnce) StoreClosed(true);
}

void COtr::Store(const CString& sName, const CString& sValue) {
    const bool bStored = SetNV(sName, sValue);
    if (bStored != m_bCannotStore) return;
    m_bCannotStore = !bStored;
    if (bStored)
        Say("ZNC can write its files again.", Style::Good);
    else
        Say("ZNC cannot write its files: is the disk full? If it ends now, nothing goes out in clear to anybody "
            "after its next start until you say so.",
            Style::Bad);
}

CString COtr::HashOfLine(const CString& sKey) const {
    return CString(m_Closed.Salt() + sKey).SHA256().substr(0, 32);
}

// Which connection to IRC this is, of which process.
CString COtr::IRCConnection() const {
    const CIRCSock* pIRC = GetNetwork()->GetIRCSock();
    return pIRC ? CString(getpid()) + "-" + CString(pIRC->GetStartTime()) : CString();
}

// Writes down, as hashes, which of the lines that ZNC holds back otrd has authorized: the next instance lets
// these pass.
void COtr::LeaveAuthorizations() {
    CString sLines;
    size_t uLines = 0;
    for (const auto& [sKey, uTimes] : m_AuthorizedLines)
        for (unsigned i = 0; i < uTimes && uLines < kMaxLeft; i++, uLines++) sLines += " " + HashOfLine(sKey);
    for (auto it = m_Inherited.begin(); it != m_Inherited.end() && uLines < kMaxLeft; ++it, uLines++)
        sLines += " " + *it;
    if (!sLines.empty()) Store("leaving", IRCConnection() + sLines);
}

void COtr::InheritAuthorizations() {
    const CString sLeft = GetNV("leaving");
    if (sLeft.empty()) return;
    DelNV("leaving", false);
    VCString vsHashes;
    sLeft.Token(1, true).Split(" ", vsHashes, false);
    if (sLeft.Token(0) == IRCConnection()) m_Inherited = {vsHashes.begin(), vsHashes.end()};
}

// otrd has taken the new identity for the account's: the names need not decide again.
void COtr::ConfirmIdentity() {
    if (!GetNV("by_name").empty()) Store("by_name", "");
}

// Our registry is a copy of another network's, which is connected: that one keeps its account.
void COtr::TakeNewIdentity() {
    Store("identity", NewIdentity());
    Say("This network is a copy of another one, which is connected. Here you have a key and "
        "conversations of your own.",
        Style::Warn);
    Disconnect();
    m_iNext = Now();
}
