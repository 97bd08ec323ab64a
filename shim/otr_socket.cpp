// The socket to otrd: bytes to lines, and its end, which may come while ZNC still looks at it.
#include "otr.h"

std::map<const COtrSock*, COtrSock::Owner> COtrSock::s_Owners;

COtrSock::COtrSock(COtr* pOtr) {
    s_Owners[this] = {pOtr, false};
    DisableReadLine();
    SetTimeout(0);
}

COtr* COtrSock::Otr() const {
    const auto it = s_Owners.find(this);
    return it == s_Owners.end() || it->second.bOrphan ? nullptr : it->second.pOtr;
}

void COtrSock::Orphan() {
    const auto it = s_Owners.find(this);
    if (it != s_Owners.end()) it->second.bOrphan = true;
    Close();
}

// ZNC's loop still looks at sockets that were ready in this turn, and our code may be gone by then.
// So what it finds is a closed socket of its own kind, which it deletes as any other.
void COtrSock::RetireAllOf(const COtr* pOtr) {
    std::vector<const COtrSock*> vpOurs;
    for (const auto& it : s_Owners)
        if (it.second.pOtr == pOtr) vpOurs.push_back(it.first);
    for (const COtrSock* pConst : vpOurs) {
        COtrSock* pSock = const_cast<COtrSock*>(pConst);
        pSock->~COtrSock();
        (new (static_cast<void*>(pSock)) CZNCSock())->Close();
    }
}

void COtrSock::Gone(const CString& sWhy) {
    if (COtr* pOtr = Otr()) pOtr->Lost(sWhy);
}

// ZNC reads 4 KiB in each turn of its loop, which are seven encrypted lines. What else has come is
// taken in the same turn, up to a limit: others wait for theirs.
void COtrSock::ReadData(const char* data, size_t length) {
    Take(data, length);
    char more[kAtOnce / 4];
    for (size_t taken = length; Otr() && taken >= kTurn && taken < kAtOnce;) {
        const ssize_t got = recv(GetRSock(), more, sizeof more, MSG_DONTWAIT);
        if (got <= 0) break;  // an end or an error is ZNC's to see, in its next turn
        Take(more, static_cast<size_t>(got));
        taken += static_cast<size_t>(got);
    }
    if (Otr()) Otr()->Flush();
}

void COtrSock::Take(const char* data, size_t length) {
    COtr* pOtr = Otr();
    if (!pOtr) return;
    pOtr->Buffer().Push(data, length);
    std::string line;
    while (Otr() && pOtr->Buffer().Next(line)) pOtr->OnLine(line);
    if (Otr() && pOtr->Buffer().TooLong()) Gone("otrd sent a line over 64 KiB");
}
