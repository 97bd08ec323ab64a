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

// A map before ZNC 1.9, and a list from then on.
static CConfig* Named(const CConfig::SubConfig& all, const CString& sName) {
    for (const auto& it : all)
        if (it.first == sName) return it.second.m_pSubConfig;
    return nullptr;
}

bool COtr::IsInConfig() const {
    CFile file(CZNC::Get().GetConfigFile());
    CConfig config;
    CString sError;
    if (!file.Open(O_RDONLY) || !config.Parse(file, sError)) return false;
    CConfig::SubConfig users, networks;
    config.FindSubConfig("user", users, false);
    CConfig* pUser = Named(users, GetUser()->GetUsername());
    if (!pUser) return false;
    pUser->FindSubConfig("network", networks, false);
    CConfig* pNetwork = Named(networks, GetNetwork()->GetName());
    return pNetwork && Lists(*pNetwork, GetModName());
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
