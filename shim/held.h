// Messages that the module has taken over, and how far each is: asked, waiting with otrd, on its way to IRC.
#pragma once

#include <znc/Message.h>

#include <cstring>
#include <memory>
#include <string>

#include "protocol.h"

using wire::Kind;

// What a typed method says, or a page of the account that is asked for. Its texts may be secrets.
struct Call {
    wire::TypedMethod typed;
    CString button, place;  // of the page; whose, where a form has a name or fingerprint by itself
    CString words;          // typed into the form, no secret
    bool overview = false;
    uint64_t from = 0;
    ~Call() {
        for (auto& it : typed.texts) explicit_bzero(it.second.data(), it.second.size());
    }
};

// A request on its way, with the message that it holds back.
struct Held {
    enum class What { Network, Out, In, Command, Typed, Nick, Quit, Join };
    explicit Held(What w, std::string sWho = "", std::string sText = "")
        : what(w), who(std::move(sWho)), text(std::move(sText)) {}
    What what;
    std::string who, text;  // peer or mask; for Nick the old and the new one
    Kind kind = Kind::Text;
    std::unique_ptr<CMessage> message;  // of In and Out, until it is done
    uint64_t client = 0, id = 0;
    long since = 0;
    std::shared_ptr<Call> call;  // of Typed
    // The user said it to *otr, or by a button of the page.
    bool IsCommand() const { return what == What::Command || what == What::Typed; }
    CString folded, moved;  // of Out: the peer, and why the nick is not theirs any more
    bool done = false;      // given back or shown: its reply does nothing more to it
};

// The user's text that waits with otrd for a private conversation.
struct Kept {
    std::string who, text;
};

// A line of ours that ZNC holds back. The last one of a text of the user's carries that text.
struct Leaving {
    CString key, folded, moved;  // as the guard knows it; for whom; why it must not go any more
    bool carries = false;
    std::string who, text;
    Kind kind = Kind::Text;
    std::unique_ptr<CMessage> message;  // of one that carries: what the user's other clients are shown
    std::string security;               // what protects it, in the words of PROTOCOL.md
    uint64_t client = 0;
};

// A text of the user's up to a byte that the kernel has not taken yet.
struct Unwritten {
    uint64_t end;
    std::string who, text;
};

// A nick that its owner left, and the request that tells otrd so.
struct Moved {
    CString folded, why;
    uint64_t id;
};
