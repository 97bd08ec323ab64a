// Which otrd the module uses.
#include "otr.h"

static const long kMoved = 60;  // seconds after which an otrd that is nowhere has moved

static CString OwnRuntime() {
    const char* szRuntime = getenv("XDG_RUNTIME_DIR");
    // Not set for what cron or su starts.
    return szRuntime && *szRuntime == '/' ? CString(szRuntime) : "/run/user/" + CString(getuid());
}

// The user's own otrd, then the system's.
VCString COtr::DefaultSockets() { return {OwnRuntime() + "/otrd/shim.sock", "/run/otrd/shim.sock"}; }

// What the user named, or their own otrd, or the system's. The one that was used last comes first, and
// is alone for as long as it may only be restarting.
VCString COtr::Sockets() const {
    const CString sNamed = GetNV("socket"), sLast = GetNV("used");
    if (!sNamed.empty()) return {sNamed};
    VCString vsSockets = DefaultSockets();
    if (sLast.empty()) return vsSockets;
    vsSockets.erase(std::remove(vsSockets.begin(), vsSockets.end(), sLast), vsSockets.end());
    if (Now() - m_iGone < kMoved) vsSockets.clear();
    vsSockets.insert(vsSockets.begin(), sLast);
    return vsSockets;
}

// A socket that is connected to the first otrd of these that was not tried in vain; -1 and errno where
// there is none.
int COtr::OpenSocket() {
    VCString vsSockets = Sockets();
    const auto isTried = [&](const CString& sPath) { return m_ssTried.count(sPath) > 0; };
    if (std::all_of(vsSockets.begin(), vsSockets.end(), isTried)) m_ssTried.clear();
    int iError = ENOENT;
    CString sFailed = vsSockets[0];
    for (const CString& sPath : vsSockets) {
        if (isTried(sPath)) continue;
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        errno = ENAMETOOLONG;
        int iFd = -1;
        if (sPath.size() < sizeof(address.sun_path)) {
            memcpy(address.sun_path, sPath.data(), sPath.size());
            iFd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        }
        if (iFd >= 0 && connect(iFd, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0) {
            m_sPath = sPath;
            return iFd;
        }
        // One that is there and does not let us in says more than one that is not there.
        if (errno != ENOENT && iError == ENOENT) {
            iError = errno;
            sFailed = sPath;
        }
        if (iFd >= 0) close(iFd);
    }
    m_ssTried.clear();
    m_sPath = sFailed;
    errno = iError;
    return -1;
}

// After an otrd that does not answer for us. False where there is no other one to ask.
bool COtr::TryNextSocket() {
    if (m_sPath == GetNV("used")) return false;
    const VCString vsSockets = Sockets();
    m_ssTried.insert(m_sPath);
    const bool bMore = std::any_of(vsSockets.begin(), vsSockets.end(), [&](const CString& sPath) {
        return m_ssTried.count(sPath) == 0 && access(sPath.c_str(), F_OK) == 0;
    });
    if (bMore) m_iNext = Now();  // ZNC's next turn: this one may be within the socket that failed
    return bMore;
}

// Where the module stays from now on.
void COtr::RememberSocket() {
    const CString sLast = GetNV("used");
    m_ssTried.clear();
    if (sLast == m_sPath || !GetNV("socket").empty()) return;
    if (!sLast.empty())
        Say("The otrd at " + sLast + " is gone: this one is at " + m_sPath +
                ". It has a key and conversations of its own.",
            Style::Warn);
    Store("used", m_sPath);
}
