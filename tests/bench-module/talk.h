// For tests/bench only: libotr with the least that an encrypted conversation takes, so that it
// costs the least.
#pragma once

extern "C" {
#include <libotr/proto.h>
#include <libotr/message.h>
#include <libotr/privkey.h>
}

#include <functional>
#include <string>
#include <utility>

class Talk {
  public:
    // What is to be sent to whom; and that somebody is private now.
    using Send = std::function<void(const char*, const char*)>;
    using Private = std::function<void()>;

    // Takes the key that lies in this directory, or makes one there.
    Talk(std::string directory, Send send, Private isPrivate)
        : m_directory(std::move(directory)), m_send(std::move(send)), m_private(std::move(isPrivate)) {
        OTRL_INIT;
        m_ops.policy = [](void*, ConnContext*) -> OtrlPolicy {
            return OTRL_POLICY_ALLOW_V2 | OTRL_POLICY_ALLOW_V3;
        };
        m_ops.is_logged_in = [](void*, const char*, const char*, const char*) { return 1; };
        m_ops.inject_message = [](void* talk, const char*, const char*, const char* to, const char* line) {
            static_cast<Talk*>(talk)->m_send(to, line);
        };
        // Of key exchanges; the texts of a measurement fit into a line.
        m_ops.max_message_size = [](void*, ConnContext*) { return 400; };
        m_ops.still_secure = [](void* talk, ConnContext*, int) { static_cast<Talk*>(talk)->m_private(); };
        m_ops.gone_secure = [](void* talk, ConnContext*) { static_cast<Talk*>(talk)->m_private(); };
        m_state = otrl_userstate_create();
        otrl_instag_generate(m_state, (m_directory + "/otr.instag").c_str(), "bench", "irc");
        if (otrl_privkey_read(m_state, (m_directory + "/otr.key").c_str())) MakeKey();
    }
    ~Talk() { otrl_userstate_free(m_state); }
    Talk(const Talk&) = delete;
    Talk& operator=(const Talk&) = delete;

    void MakeKey() { otrl_privkey_generate(m_state, (m_directory + "/otr.key").c_str(), "bench", "irc"); }

    // False: libotr leaves this text to whoever asked.
    bool Out(const char* to, const char* text) {
        char* changed = nullptr;
        const gcry_error_t error =
            otrl_message_sending(m_state, &m_ops, this, "bench", "irc", to, OTRL_INSTAG_BEST, text, nullptr,
                                 &changed, OTRL_FRAGMENT_SEND_SKIP, nullptr, nullptr, nullptr);
        if (changed) m_send(to, changed);
        const bool done = error || changed;
        otrl_message_free(changed);
        return done;
    }

    // False: there is nothing to show.
    template <class Text>
    bool In(const char* from, Text& text) {
        char* changed = nullptr;
        OtrlTLV* tlvs = nullptr;
        const int internal = otrl_message_receiving(m_state, &m_ops, this, "bench", "irc", from, text.c_str(),
                                                    &changed, &tlvs, nullptr, nullptr, nullptr);
        if (changed) text = changed;
        otrl_message_free(changed);
        otrl_tlv_free(tlvs);
        return !internal;
    }

  private:
    std::string m_directory;
    Send m_send;
    Private m_private;
    OtrlUserState m_state = nullptr;
    OtrlMessageAppOps m_ops{};
};
