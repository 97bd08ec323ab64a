// What the buttons of the page do: each is a typed method, and what comes of it *otr says.
#include <znc/HTTPSock.h>

#include "otr.h"

static const size_t kMaxField = 4096;

namespace {

// A button, the fields that it needs and those that it takes, and a member that is true.
struct Button {
    const char *szName, *szMethod;
    vector<const char*> needs, takes;
    const char* szFlag;
};

const Button* Find(const CString& sName) {
    static const vector<Button> kButtons = {
        {"start", "start", {"peer"}, {}, ""},
        {"refresh", "refresh", {"peer"}, {}, ""},
        {"finish", "finish", {"peer"}, {}, ""},
        {"finish-all", "finish", {}, {}, "all"},
        {"trust", "trust", {"peer"}, {"fingerprint"}, ""},
        {"distrust", "distrust", {"peer"}, {"fingerprint"}, ""},
        {"forget", "forget", {"peer", "fingerprint"}, {}, ""},
        {"authenticate", "smp", {"peer", "secret"}, {"question"}, ""},
        {"abort", "smp_abort", {"peer"}, {}, ""},
        {"genkey", "genkey", {}, {}, ""},
        {"genkey-overwrite", "genkey", {}, {}, "overwrite"},
        {"policy", "policy", {"pattern", "policy"}, {}, ""},
        {"ignore", "ignore", {"pattern"}, {}, ""},
        {"ignore-remove", "ignore", {"pattern"}, {}, "remove"},
        {"enable", "enable", {"pattern"}, {}, ""},
        {"enable-remove", "enable", {"pattern"}, {}, "remove"},
    };
    const auto it = std::find_if(kButtons.begin(), kButtons.end(),
                                 [&](const Button& button) { return sName == button.szName; });
    return it == kButtons.end() ? nullptr : &*it;
}

int Digit(char c) {
    const char* const kDigits = "0123456789abcdef";
    const char* const szAt = c ? strchr(kDigits, c) : nullptr;
    return szAt ? static_cast<int>(szAt - kDigits) : -1;
}

// A field of the form. Names that the page knew are written in hexadecimal digits.
CString Field(const CWebSock& WebSock, const CString& sName) {
    const CString sHex = WebSock.GetRawParam(sName + "-hex");
    if (sHex.empty()) {
        const CString sTyped = WebSock.GetRawParam(sName);
        return sName == "peer" || sName == "pattern" ? sTyped.Trim_n() : sTyped;
    }
    CString sBytes;
    for (size_t i = 0; i + 1 < sHex.size(); i += 2) {
        const int iHigh = Digit(sHex[i]), iLow = Digit(sHex[i + 1]);
        if (iHigh < 0 || iLow < 0) return "";
        sBytes += static_cast<char>(iHigh << 4 | iLow);
    }
    return sBytes;
}

}  // namespace

// Asks otrd for what a button says. Tells what is wrong with it, or nothing.
CString COtr::Pressed(CWebSock& WebSock) {
    const CString sName = WebSock.GetParam("do");
    if (sName == "mark") {
        const CString sMark = WebSock.GetParam("mark");
        if (sMark.size() > kMaxField) return "The field mark is too long.";
        SetMark(sMark.empty() ? CString("mark off") : "mark " + sMark);
        return "";
    }
    const Button* const pButton = Find(sName);
    if (!pButton) return "There is no such button.";
    if (sName == "genkey-overwrite" && WebSock.GetParam("sure") != "yes")
        return "No new key was made: say that you are sure.";
    Held held(Held::What::Typed);
    held.call = std::make_shared<Call>();
    held.call->typed.method = pButton->szMethod;
    if (*pButton->szFlag) held.call->typed.flags.emplace_back(pButton->szFlag);
    CString sWhom;
    for (const vector<const char*>* pFields : {&pButton->needs, &pButton->takes})
        for (const CString sField : *pFields) {
            CString sText = Field(WebSock, sField);
            if (sText.size() > kMaxField) return "The field " + sField + " is too long.";
            if (sText.empty() && pFields == &pButton->needs) return "The field " + sField + " is empty.";
            if ((sField == "peer" || sField == "pattern") && !wire::ValidNick(sText))
                return "The field " + sField + " holds no nick.";
            if (sField == "peer" || sField == "pattern") sWhom = sText;
            if (!sText.empty()) held.call->typed.texts.emplace_back(sField, sText);
            explicit_bzero(sText.data(), sText.size());
        }
    if (!SendRequest(held)) return "Not done: " + Trouble();
    WebSock.GetSession()->AddSuccess("Asked: " + CString(pButton->szMethod) + (sWhom.empty() ? CString() : " " + Visible(Quoted(sWhom))));
    return "";
}
