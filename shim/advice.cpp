// Why otrd cannot be reached, and the line that mends it.
#include "otr.h"

// For whoever administers the machine; `iError` is what connect(2) or socket(2) said, 0 where a
// connection ended. Asks no name service: that could make ZNC wait.
CString COtr::Advice(int iError) const {
    const CString sUid(static_cast<unsigned>(geteuid()));
    const CString sSystemctl = m_sPath.StartsWith(OwnRuntime() + "/") ? "systemctl --user" : "systemctl";
    switch (iError) {
        case 0:
        case EAGAIN:
        case ETIMEDOUT: return "See that it runs: " + sSystemctl + " status otrd.";
        case ENOENT:
        case ENOTDIR:
            return "There is no socket: " + sSystemctl +
                   " enable --now otrd.socket, or load otr with socket=/PATH.";
        case ECONNREFUSED: return "Nobody listens there: " + sSystemctl + " restart otrd.socket otrd.";
        case EACCES:
            // What the modes allow, a security module has refused.
            if (access(m_sPath.c_str(), R_OK | W_OK) == 0)
                return "AppArmor or SELinux keeps ZNC from the socket: add its rule to the profile "
                       "of znc, as otrd(8) shows under APPARMOR.";
            return "The user of ZNC (uid " + sUid +
                   ") is not in the socket's group, or was not yet "
                   "when ZNC started: usermod -aG otrd \"$(id -un " +
                   sUid + ")\", then systemctl restart znc (a restart by *status keeps the old groups).";
        case EAFNOSUPPORT:
        case EPERM:
        case EPROTONOSUPPORT:
            return "The unit of ZNC forbids Unix sockets: systemctl edit znc, add "
                   "RestrictAddressFamilies=AF_UNIX below [Service], then systemctl restart znc.";
        case ENOTSOCK:
        case EPROTOTYPE: return "That is no socket of otrd's: load otr with socket=/PATH.";
        case ENAMETOOLONG: return "The path is longer than 107 bytes: load otr with socket=/PATH.";
        case EMFILE:
        case ENFILE:
            return "ZNC has too many files open: raise LimitNOFILE= in its unit, then systemctl "
                   "restart znc.";
        default: return "See the path, and that otrd runs: " + sSystemctl + " status otrd.";
    }
}
