// Bare libotr in memory, two people in one thread: what everything else is compared with.
//
//   bare key FILE               makes the key that the other runs use
//   bare encrypt|decrypt N FILE instructions for callgrind (decrypt does both)
//   bare lines N FILE           JSON: nanoseconds of CPU a line, out and in
//   bare exchanges N FILE       JSON: nanoseconds of CPU a key exchange, both ends
//   bare meetings N T DIR FILE  JSON: the same, T each of N pairs of strangers: their keys are
//                               checked, and files in DIR tell of them
//   bare known N K FILE         as lines, where N lines meet K known fingerprints

extern "C" {
#include <libotr/proto.h>
#include <libotr/message.h>
#include <libotr/privkey.h>
}

#include <fcntl.h>
#include <gcrypt.h>
#include <unistd.h>

#include <ctime>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <string>
#include <vector>

struct Person {
    OtrlUserState state = otrl_userstate_create();
    const char* account;
    std::deque<std::string> out;
    explicit Person(const char* name) : account(name) {}
};

static const char* const kProtocol = "irc";
static const char* const kText = "one of very many lines of a talk";

static OtrlPolicy Policy(void*, ConnContext*) { return OTRL_POLICY_ALLOW_V2 | OTRL_POLICY_ALLOW_V3; }
static int LoggedIn(void*, const char*, const char*, const char*) { return 1; }
static void Inject(void* data, const char*, const char*, const char*, const char* message) {
    static_cast<Person*>(data)->out.push_back(message);
}

static OtrlMessageAppOps Ops() {
    OtrlMessageAppOps ops{};
    ops.policy = Policy;
    ops.is_logged_in = LoggedIn;
    ops.inject_message = Inject;
    return ops;
}
static OtrlMessageAppOps ops = Ops();

static void Check(bool good, const char* what) {
    if (good) return;
    fprintf(stderr, "bare: %s\n", what);
    exit(1);
}

static void Load(Person& person, const char* path) {
    FILE* key = fopen(path, "r");
    Check(key && !otrl_privkey_read_FILEp(person.state, key), "no key");
    fclose(key);
    FILE* tags = tmpfile();
    Check(tags && !otrl_instag_generate_FILEp(person.state, tags, person.account, kProtocol), "no tag");
    fclose(tags);
}

static std::string Receive(Person& to, const char* from, const std::string& line) {
    char* text = nullptr;
    OtrlTLV* tlvs = nullptr;
    const int internal = otrl_message_receiving(to.state, &ops, &to, to.account, kProtocol, from,
                                                line.c_str(), &text, &tlvs, nullptr, nullptr, nullptr);
    std::string out;
    if (!internal && text) out = text;
    otrl_message_free(text);
    otrl_tlv_free(tlvs);
    return out;
}

static std::string Encrypt(Person& from, const char* to) {
    char* line = nullptr;
    otrl_message_sending(from.state, &ops, &from, from.account, kProtocol, to, OTRL_INSTAG_BEST, kText,
                         nullptr, &line, OTRL_FRAGMENT_SEND_SKIP, nullptr, nullptr, nullptr);
    std::string out = line ? line : "";
    otrl_message_free(line);
    return out;
}

static void Exchange(Person& alice, Person& bob, const char* bob_as) {
    Receive(bob, "alice", "?OTRv23?");
    while (!alice.out.empty() || !bob.out.empty()) {
        Person& from = alice.out.empty() ? bob : alice;
        const std::string line = from.out.front();
        from.out.pop_front();
        if (&from == &alice)
            Receive(bob, "alice", line);
        else
            Receive(alice, bob_as, line);
    }
}

static double Cpu() {
    timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return 1e9 * static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec);
}

// Files that are whole whatever happens, as otrd writes what has to last: those of a step together.
static void Keep(int dir, const std::vector<std::string>& names) {
    for (const std::string& name : names) {
        const std::string fresh = name + ".new", content(200, 'x');
        const int file = openat(dir, fresh.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        Check(file >= 0 && write(file, content.data(), content.size()) == 200, "no file");
        Check(!fsync(file) && !close(file), "no file on the disk");
        Check(!renameat(dir, fresh.c_str(), dir, name.c_str()), "no name");
    }
    Check(!fsync(dir), "no names on the disk");
}

// Two strangers exchange keys. Who asks keeps that they did; both keep the other's fingerprint, and
// that they are private. Nanoseconds of CPU.
static double Meeting(int dir, int number, const char* key) {
    Person alice("bench"), bob("bench");
    Load(alice, key);
    Load(bob, key);
    const std::string end = "." + std::to_string(number);
    const double start = Cpu();
    Exchange(alice, bob, "bob");
    Keep(dir, {"asked-a" + end});
    for (const char* whose : {"-a", "-b"}) Keep(dir, {"print" + (whose + end), "private" + (whose + end)});
    return Cpu() - start;
}

int main(int argc, char** argv) {
    const std::string what = argc > 1 ? argv[1] : "";
    OTRL_INIT;
    // Known to both: account names in key files must fit, so both are called the same.
    Person alice("bench"), bob("bench");
    const char* key = argv[argc - 1];
    if (what == "key" && argc == 3) {
        FILE* file = fopen(key, "w+");
        Check(file && !otrl_privkey_generate_FILEp(alice.state, file, "bench", kProtocol), "no key made");
        return fclose(file);
    }
    Check(argc >= 4,
          "usage: bare key FILE | bare encrypt|decrypt|lines|exchanges N FILE | "
          "bare meetings N DIR FILE | bare known N K FILE");
    const int n = atoi(argv[2]);
    Load(alice, key);
    Load(bob, key);
    if (what == "exchanges") {
        const double start = Cpu();
        for (int i = 0; i < n; i++) Exchange(alice, bob, "bob");
        printf("{\"exchange_ns\": %.0f}\n", (Cpu() - start) / n);
        return 0;
    }
    if (what == "meetings" && argc == 5) {
        const int dir = open(argv[3], O_DIRECTORY | O_CLOEXEC);
        double spent = 0;
        for (int i = 0; i < n; i++) spent += Meeting(dir, i, key);
        printf("{\"exchange_ns\": %.0f}\n", spent / n);
        return 0;
    }
    if (what == "known")
        for (int i = 0; i < atoi(argv[3]); i++) {
            char name[32];
            snprintf(name, sizeof name, "aa%06d", i);
            unsigned char hash[20] = {static_cast<unsigned char>(i), static_cast<unsigned char>(i >> 8)};
            ConnContext* context = otrl_context_find(alice.state, name, "bench", kProtocol,
                                                     OTRL_INSTAG_MASTER, 1, nullptr, nullptr, nullptr);
            otrl_context_find_fingerprint(context, hash, 1, nullptr);
        }
    Exchange(alice, bob, "bob");
    std::vector<std::string> lines;
    lines.reserve(static_cast<size_t>(n));
    for (int i = 0; i < n && what == "known"; i++) lines.push_back(Encrypt(bob, "alice"));
    const double start = Cpu();
    for (int i = 0; i < n && what != "known"; i++) lines.push_back(Encrypt(bob, "alice"));
    const double middle = Cpu();
    if (what == "encrypt") return lines.empty() || lines[0].compare(0, 9, "?OTR:AAMD") != 0;
    for (const std::string& line : lines) Check(Receive(alice, "bob", line) == kText, "no text");
    const double end = Cpu();
    double out = (middle - start) / n;
    if (what == "known") {
        // alice, who knows so many, writes.
        const double begin = Cpu();
        for (int i = 0; i < n; i++) Encrypt(alice, "bob");
        out = (Cpu() - begin) / n;
    }
    printf("{\"out_ns\": %.0f, \"in_ns\": %.0f}\n", out, (end - middle) / n);
    return 0;
}
