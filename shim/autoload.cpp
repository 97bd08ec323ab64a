// Whether ZNC loads the module again when it is restarted.
#include <znc/Config.h>
#include <znc/FileUtils.h>

#include "otr.h"

static const long kWriteTime = 5;  // seconds in which ZNC has written what it was asked to

static bool Lists(CConfig& Config, const CString& sModule) {
    VCString vsLoaded;
    Config.FindStringVector("loadmodule", vsLoaded, false);
    return std::any_of(vsLoaded.begin(), vsLoaded.end(),
                       [&](const CString& sLine) { return sLine.Token(0).Equals(sModule); });
}

// User and network of all that load the module.
static std::set<std::pair<CString, CString>> Loading(const CString& sModule) {
    std::set<std::pair<CString, CString>> all;
    CFile file(CZNC::Get().GetConfigFile());
    CConfig config;
    CString sError;
    if (!file.Open(O_RDONLY) || !config.Parse(file, sError)) return all;
    CConfig::SubConfig users;
    config.FindSubConfig("user", users, false);
    for (const auto& user : users) {
        CConfig::SubConfig networks;
        user.second.m_pSubConfig->FindSubConfig("network", networks, false);
        for (const auto& network : networks)
            if (Lists(*network.second.m_pSubConfig, sModule)) all.emplace(user.first, network.first);
    }
    return all;
}

// Read once for all networks, and again when it was changed: with a thousand networks, each reading takes
// ZNC a tenth of a second.
bool COtr::IsInConfig() const {
    static std::set<std::pair<CString, CString>> s_Loading;
    static struct stat s_Read = {};
    struct stat now = {};
    if (stat(CZNC::Get().GetConfigFile().c_str(), &now) != 0) return false;
    const bool bSame = now.st_dev == s_Read.st_dev && now.st_ino == s_Read.st_ino &&
                       now.st_size == s_Read.st_size && now.st_mtim.tv_sec == s_Read.st_mtim.tv_sec &&
                       now.st_mtim.tv_nsec == s_Read.st_mtim.tv_nsec;
    if (!bSame) s_Loading = Loading(GetModName());
    s_Read = now;
    return s_Loading.count({GetUser()->GetUsername(), GetNetwork()->GetName()}) > 0;
}

// ZNC writes down what LoadMod did only when it is told to, or writes for another reason. Without
// this, private conversations would go on in clear after its next restart.
void COtr::KeepLoaded() {
    if (m_bInConfig) return;
    m_bInConfig = IsInConfig();
    if (m_bInConfig) return;
    if (!m_iWriteAsked) {
        const auto state = CZNC::Get().GetConfigState();
        const bool bFree = state == CZNC::ECONFIG_NOTHING || state == CZNC::ECONFIG_DELAYED_WRITE;
        if (bFree) CZNC::Get().SetConfigState(CZNC::ECONFIG_NEED_WRITE);
        if (bFree) m_iWriteAsked = Now();
    } else if (Now() - m_iWriteAsked > kWriteTime) {
        m_bInConfig = true;  // said once
        Say("ZNC has not written this module to " + CZNC::Get().GetConfigFile() +
                ": after a restart of ZNC it would not be loaded, and private conversations would go on "
                "in clear. Make that file writable for ZNC; then an admin of the bouncer types: /msg " +
                GetUser()->GetStatusPrefix() + "status saveconfig",
            Style::Bad);
    }
}
