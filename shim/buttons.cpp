// What the buttons of the page do: each is a typed method. What comes of it *otr says, and the page
// says beside the field why nothing did.
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
        return IsNick(sName) ? sTyped.Trim_n() : sTyped;
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

// Asks otrd for what a button says. What is wrong with it the page says beside the field.
void COtr::Pressed(CWebSock& WebSock) {
    m_Wrong = Wrong();
    Held held(Held::What::Typed);
    held.call = std::make_shared<Call>();
    Call& call = *held.call;
    call.button = WebSock.GetParam("do");
    for (const char* szName : {"peer-hex", "pattern-hex", "fingerprint"})
        call.place += WebSock.GetRawParam(szName).Left(kMaxField);
    if (call.button == "mark") {
        call.words = WebSock.GetRawParam("mark").Left(kMaxField);
        SetMark(call.words.empty() ? CString("mark off") : "mark " + call.words);
        // It has said what came of it.
        if (m_Said.back().style == Style::Bad) Failed(call, m_Said.back().text);
        return;
    }
    const CString sWrong = Fill(WebSock, call);
    if (!sWrong.empty()) return;
    if (!SendRequest(held)) return Failed(call, "Not done: " + Trouble());
    WebSock.GetSession()->AddSuccess("Asked: " + Described(call.typed));
}

// Reads the fields of the button's form. Tells what is wrong with them, or nothing.
CString COtr::Fill(const CWebSock& WebSock, Call& call) {
    CString sField;
    const auto wrong = [&](const CString& sText) {
        Failed(call, sText, sField);
        return sText;
    };
    const Button* const pButton = Find(call.button);
    if (!pButton) return wrong("There is no such button.");
    if (call.button == "genkey-overwrite" && WebSock.GetParam("sure") != "yes")
        return wrong("No new key was made: say that you are sure.");
    call.typed.method = pButton->szMethod;
    if (*pButton->szFlag) call.typed.flags.emplace_back(pButton->szFlag);
    for (const vector<const char*>* pFields : {&pButton->needs, &pButton->takes})
        for (const char* szField : *pFields) {
            sField = szField;
            CString sText = Field(WebSock, sField);
            const bool bNick = IsNick(sField), bSecret = sField == "secret";
            const bool bTyped = WebSock.GetRawParam(sField + "-hex").empty();
            if (!bSecret && bTyped && call.words.empty()) call.words = sText.Left(kMaxField);
            if (sText.size() > kMaxField) return wrong("This is too long.");
            if (sText.empty() && pFields == &pButton->needs)
                return wrong(bNick ? "Type a nick." : bSecret ? "Type the secret." : "This is missing.");
            if (bNick && !wire::ValidNick(sText))
                return wrong("This is no nick: it has no blanks, commas or exclamation marks.");
            if (!sText.empty()) call.typed.texts.emplace_back(sField, sText);
            explicit_bzero(sText.data(), sText.size());
        }
    return "";
}

void COtr::Failed(const Call& call, const CString& sText, const CString& sField) {
    m_Wrong = {call.button, call.place, sField, call.words, sText};
}

// What otrd answered to a button.
void COtr::CameOf(const Held& held, const wire::Incoming& in) {
    if (!held.call || held.call->button.empty()) return;
    if (in.what == wire::Incoming::What::Failed) return Failed(*held.call, in.why);
    for (const wire::Effect& effect : in.effects)
        if (effect.what == wire::Effect::Do::Print && effect.style == Style::Bad)
            return Failed(*held.call, effect.text);
}
