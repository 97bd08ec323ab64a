// Messages on their way through otrd, and the effects that come back.
#include "otr.h"

static void MarkUnchecked(CMessage& Message, Kind kind) {
    if (kind != Kind::Ctcp && kind != Kind::CtcpReply)
        SetText(Message, kind, kUnchecked + Text(Message, kind));
}

void COtr::OnModCommand(const CString& sLine) try {
    if (IsListen(sLine)) return Listen(sLine);
    if (IsMarkCommand(sLine)) return SetMark(sLine);
    Held held(Held::What::Command, "", sLine);
    held.client = Number(GetClient());
    if (m_bTakenOver) TakeBack();
    if (!SendRequest(held) && !Defer(held)) Fail(held, Trouble());
} catch (const std::exception& e) {
    Say(CString("The otr module failed: ") + e.what(), Style::Bad);
}

CModule::EModRet COtr::Outgoing(CMessage& Message, Kind kind, const CString& sText) try {
    const CString sTarget = Message.GetParam(0);
    const bool bGuarded = LevelOf(sTarget) != guard::Level::Open || Requires(sTarget);
    const bool bPeer = !Peer(sTarget).empty();
    if (!bGuarded && !bPeer && !target::MayBePerson(sTarget)) return CONTINUE;
    if (bGuarded && !(target::IsBare(sTarget) && wire::ValidNick(sTarget))) {
        Refuse(sTarget, CString(kMayReach) + ": write to the nick alone", sText);
        return HALT;
    }
    Held held(Held::What::Out, sTarget, sText);
    held.kind = kind;
    held.client = Number(GetClient());
    held.message = std::make_unique<CMessage>(Message);
    held.message->SetClient(nullptr);
    held.message->SetChan(nullptr);
    held.folded = Fold(sTarget);
    // What is no bare nick goes as it was typed, and to nobody who is closed.
    if (!bGuarded && !bPeer) {
        PassOut(held);
        return HALT;
    }
    if (!SendRequest(held) && !Defer(held)) Fail(held, Trouble());
    return HALT;
} catch (const std::exception& e) {
    Say(CString("Not sent, the otr module failed: ") + e.what(), Style::Bad);
    return HALT;
}

// What a client wrote that ZNC has no hook for. CPRIVMSG and CNOTICE are PRIVMSG and NOTICE to whoever
// shares a channel; anything else that some server takes for words to a guarded peer comes back.
CModule::EModRet COtr::OnUserRawMessage(CMessage& Message) {
    if (!GuardsAnything()) return CONTINUE;
    const CString sCommand = Message.GetCommand().AsUpper();
    if (sCommand == "PRIVMSG" || sCommand == "NOTICE" || sCommand == "TAGMSG") return CONTINUE;
    const CString sLine = Message.ToString(), sTarget = Message.GetParam(0);
    const target::Words words = target::Read(sLine);
    const auto it = FindGuarded(words);
    if (it == words.targets.end()) return CONTINUE;
    const bool bWords = (sCommand == "CPRIVMSG" || sCommand == "CNOTICE") && Message.GetParams().size() >= 3;
    if (!bWords || sTarget.find(',') != CString::npos) {
        SayOneBlocked(*it, sLine, true);
        return HALT;
    }
    CString sText = Message.GetParam(2);
    const bool bNotice = sCommand == "CNOTICE", bCtcp = !sText.empty() && sText[0] == 1;
    Kind kind = bNotice ? (bCtcp ? Kind::CtcpReply : Kind::Notice) : (bCtcp ? Kind::Ctcp : Kind::Text);
    if (bCtcp) sText = sText.Replace_n("\001", "");
    if (kind == Kind::Ctcp && sText.TrimPrefix("ACTION ")) kind = Kind::Action;
    CMessage Words = PrivMessage(sTarget, kind, ::Words(kind, sText));
    return Outgoing(Words, kind, sText);
}

CModule::EModRet COtr::Arriving(CMessage& Message, Kind kind, const CString& sText) try {
    if (!IsForOtrd(Message)) return CONTINUE;
    Held held(Held::What::In, Message.GetNick().GetNickMask(), sText);
    held.kind = kind;
    held.message = std::make_unique<CMessage>(Message);
    held.message->SetClient(nullptr);
    held.message->SetChan(nullptr);
    if (SendRequest(held) || Defer(held)) return HALT;
    const bool bCtcp = kind == Kind::Ctcp || kind == Kind::CtcpReply;
    if (bCtcp && m_Closed.OfSpeaker(wire::NickOf(held.who)) == guard::Level::Closed) {
        ShowUnchecked(held);
        return HALT;
    }
    MarkUnchecked(Message, kind);
    AddTag(Message, kClear);
    return CONTINUE;
} catch (const std::exception& e) {
    Say(CString("Not checked, the otr module failed: ") + e.what(), Style::Bad);
    return CONTINUE;
}

// What a person says may begin as a mark of ours does, or look so: a backslash in front tells it from one.
static std::string Disarmed(const std::string& sText) {
    const bool bMark = std::any_of(kMarks.begin(), kMarks.end(),
                                   [&](const char* szMark) { return mark::Begins(sText, szMark); });
    return bMark ? "\\" + sText : sText;
}

// A person's text with what the user has to know of it, which is otrd's word and not the person's.
static std::string Marked(const Effect& effect, bool bUnexpected) {
    std::string sMarks = effect.repeat ? kPerhapsShown : "";
    if (effect.security == "changed") sMarks += kNewKey;
    if (bUnexpected) sMarks += kNotEncrypted;
    return sMarks + Disarmed(effect.text);
}

void COtr::Perform(const vector<Effect>& effects, Held* pHead) {
    const bool bOut = pHead && pHead->what == Held::What::Out;
    const bool bIn = pHead && pHead->what == Held::What::In;
    const bool bDone = pHead && pHead->done;
    const auto isPass = [](const Effect& effect) { return effect.what == Effect::Do::Pass; };
    if (std::count_if(effects.begin(), effects.end(), isPass) > (bOut || bIn ? 1 : 0)) {
        Held none(Held::What::Command);
        return Fail(pHead && !bDone ? *pHead : none, "otrd let a message pass that is not held");
    }
    CClient* pOld = GetClient();
    if (pHead && pHead->what == Held::What::Command) SetClient(Client(pHead->client));
    for (const Effect& effect : effects) {
        const CString sWho = Clean(effect.who);
        switch (effect.what) {
            case Effect::Do::Pass:
                if (bDone)
                    break;
                else if (bIn) {
                    const CString sText = Text(*pHead->message, pHead->kind), sDisarmed = Disarmed(sText);
                    if (sDisarmed != sText) SetText(*pHead->message, pHead->kind, sDisarmed);
                    MarkIfClosed(*pHead);
                    PassIn(*pHead);
                } else if (!pHead->moved.empty())
                    Refuse(pHead->who, pHead->moved, pHead->text);
                else if (LevelOf(pHead->who) != guard::Level::Open)
                    Refuse(pHead->who, "this conversation is private", pHead->text);
                else
                    PassOut(*pHead);
                break;
            case Effect::Do::Send: {
                const CString sWords = Words(effect.kind, effect.text);
                const CString sLine = PrivLine(sWho, effect.kind, sWords);
                m_sWhyNot = WhyNotTo(sWho, pHead);
                m_Sent = Sent::No;
                if (!m_sWhyNot.empty()) break;
                m_sWhyNot = kNoIRC;
                m_sSent = sLine;
                m_bSends = true;
                m_bSendsOtr = IsOtr(sWords);
                m_Sent = Put(PrivMessage(sWho, effect.kind, sWords), sLine, sWho);
                if (m_Sent == Sent::No) {
                    m_bSends = false;
                    if (!OnIRC()) ForgetAuthorizations();
                }
                KeepAuthorization();
                break;
            }
            case Effect::Do::Deliver: {
                if (bIn && bDone) break;
                // Before ZNC was ever on IRC it has no nick there; an empty one would be no target.
                const CString sOwn = OwnNick().empty() ? GetNetwork()->GetNick() : OwnNick();
                CMessage Message =
                    PrivMessage(sOwn, effect.kind, Words(effect.kind, Marked(effect, IsUnexpected(effect))));
                Message.SetNetwork(GetNetwork());
                // Whoever changed nick while their message was held is shown under the new one.
                if (bIn && Same(wire::NickOf(sWho), wire::NickOf(pHead->who)))
                    Message.SetNick(pHead->message->GetNick());
                else
                    Message.SetNick(CNick(sWho));
                if (bIn) Message.SetTime(pHead->message->GetTime());
                if (bIn && !pHead->message->GetTag("time").empty())
                    Message.SetTag("time", pHead->message->GetTag("time"));
                Show(Message, effect.kind, effect.security);
                break;
            }
            case Effect::Do::Echo: {
                Leaving text;
                text.who = effect.who;
                text.text = effect.text;
                text.kind = effect.kind;
                text.message = std::make_unique<CMessage>(
                    PrivMessage(sWho, effect.kind, Words(effect.kind, effect.text)));
                text.client = effect.client;
                text.security = effect.security;
                Carry(std::exchange(m_Sent, Sent::Yes), std::move(text), m_sWhyNot);
                if (effect.of) m_Kept.erase(*effect.of);
                break;
            }
            case Effect::Do::Print:
                Say((effect.repeat ? kPerhapsShown : "") + effect.text, effect.style);
                break;
            case Effect::Do::Table: {
                CTable Table;
                for (const std::string& column : effect.columns) Table.AddColumn(Clean(column));
                for (const auto& row : effect.rows) {
                    Table.AddRow();
                    for (size_t i = 0; i < row.size() && i < effect.columns.size(); i++)
                        Table.SetCell(Clean(effect.columns[i]), Clean(row[i]));
                }
                CString sLine;
                for (unsigned i = 0; Table.GetLine(i, sLine); i++) Print(sLine, Style::Plain);
                break;
            }
            case Effect::Do::Protect:
                // What the user said is answered by the reply to it, or by what follows.
                Protect(effect, !pHead || pHead->IsCommand());
                // Who becomes closed by what they say says it under a user name, by which they are reached, too.
                if (effect.on && bIn && !bDone && Same(sWho, wire::NickOf(pHead->who)))
                    LearnSpeaker(sWho, pHead->message->GetNick());
                break;
            case Effect::Do::Open:
                if (!pHead || pHead->IsCommand()) m_Closed.OpenEverybody();
                break;
            case Effect::Do::Rules: SetRules(effect.rules); break;
            case Effect::Do::State: Stands(sWho, *effect.standing); break;
            case Effect::Do::Refuse:
                Refuse(sWho, Clean(effect.why) + (effect.repeat ? kPerhapsSaid : ""), effect.text);
                if (effect.of) m_Kept.erase(*effect.of);
                break;
            case Effect::Do::Hold:
                if (bOut && !bDone && m_Kept.size() < kMaxKept) m_Kept[pHead->id] = {pHead->who, pHead->text};
                break;
        }
    }
    SetClient(pOld);
}

// Without otrd. A CTCP request from somebody closed holds words as well, and clients answer it.
void COtr::ShowUnchecked(Held& held) {
    if (held.kind == Kind::Ctcp || held.kind == Kind::CtcpReply) MarkIfClosed(held);
    MarkUnchecked(*held.message, held.kind);
    PassIn(held);
}

// What was held comes back to the user: outgoing as not sent, incoming as not looked at.
void COtr::Fail(Held& held, const CString& sWhy) {
    if (held.what == Held::What::Out) return Refuse(held.who, sWhy, held.text);
    if (held.what == Held::What::In) ShowUnchecked(held);
    if (IsOverview(held)) return OverviewFailed();
    if (m_bUp || held.IsCommand()) Say(sWhy, Style::Bad);
}
