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

// User and network of all that load the module; false where it could not be read.
static bool ReadConfig(const CString& sModule, std::set<std::pair<CString, CString>>& all) {
    CConfig config;
    CString sError;
    bool bRead;
    {
        CFile file(CZNC::Get().GetConfigFile());
        bRead = file.Open(O_RDONLY) && config.Parse(file, sError);
    }
    // ZNC keeps others from its file by a lock of fcntl(2), which is gone when any descriptor of it is closed.
    CZNC::Get().WaitForChildLock();
    if (!bRead) return false;
    CConfig::SubConfig users;
    config.FindSubConfig("user", users, false);
    for (const auto& user : users) {
        CConfig::SubConfig networks;
        user.second.m_pSubConfig->FindSubConfig("network", networks, false);
        for (const auto& network : networks)
            if (Lists(*network.second.m_pSubConfig, sModule)) all.emplace(user.first, network.first);
    }
    return true;
}

// Read once for all networks, until it is changed: with a thousand of them, each reading takes ZNC a tenth
// of a second.
bool COtr::IsInConfig() const {
    static std::set<std::pair<CString, CString>> s_Loading;
    static CString s_sOf;
    const CString sOf = ConfigVersion() + " " + GetModName();
    if (sOf != s_sOf) {
        s_Loading.clear();
        s_sOf = ReadConfig(GetModName(), s_Loading) ? sOf : "";
    }
    return s_Loading.count({GetUser()->GetUsername(), GetNetwork()->GetName()}) > 0;
}

// Changes whenever ZNC has written it, which makes a new file.
CString COtr::ConfigVersion() {
    struct stat file = {};
    if (stat(CZNC::Get().GetConfigFile().c_str(), &file) != 0) return "";
    return CString(file.st_ino) + " " + CString(file.st_size) + " " + CString(file.st_mtim.tv_sec) + " " +
           CString(file.st_mtim.tv_nsec);
}

// ZNC starts, and has loaded the module because its configuration says so.
bool COtr::OnBoot() {
    m_bInConfig = true;
    return true;
}

// ZNC writes down what LoadMod and MoveNetwork did only when it is told to, or writes for another reason.
// Without this, private conversations would go on in clear after its next restart.
void COtr::KeepLoaded() {
    if (m_bInConfig) return;
    if (!m_iWriteAsked) {
        const auto state = CZNC::Get().GetConfigState();
        if (state != CZNC::ECONFIG_NOTHING && state != CZNC::ECONFIG_DELAYED_WRITE &&
            state != CZNC::ECONFIG_NEED_WRITE)
            return;
        m_sConfigBefore = ConfigVersion();
        m_iWriteAsked = Now();
        CZNC::Get().SetConfigState(CZNC::ECONFIG_NEED_WRITE);
    } else if (ConfigVersion() != m_sConfigBefore) {
        m_bInConfig = true;
    } else if (Now() - m_iWriteAsked > kWriteTime) {
        m_bInConfig = true;  // said once
        if (IsInConfig()) return;
        Say("ZNC has not written this module to " + CZNC::Get().GetConfigFile() +
                ": after a restart of ZNC it would not be loaded, and private conversations would go on "
                "in clear. Make that file writable for ZNC; then an admin of the bouncer types: /msg " +
                GetUser()->GetStatusPrefix() + "status saveconfig",
            Style::Bad);
    }
}
