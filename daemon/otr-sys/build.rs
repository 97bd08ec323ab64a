//! Finds the system's libotr and libgcrypt, and asks their headers for the sizes,
//! offsets and values that `src/check.rs` compares with the declarations.
//!
//! A program with a static C library gets the system's static libraries, any other the shared ones.

mod crt_static;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

use pkg_config::{Config, Error};

/// Packages of pkg-config, with the least version.
const NEEDED: [(&str, &str); 3] =
    [("libotr", "4.1.1"), ("libgcrypt", "1.8.0"), ("gpg-error", "1.33")];

macro_rules! declarations {
    (
        structures { $($c:literal $rust:ident { $($field:ident,)* })* }
        types { $($type:ident,)* }
        constants { $($constant:ident,)* }
    ) => {
        /// What to ask, as C says it. Some fields are called as a keyword of Rust's: `r#type`.
        const QUESTIONS: &[&str] = &[
            $(
                concat!("sizeof(", $c, ")"),
                $(concat!("offsetof(", $c, ", ", stringify!($field), ")"),)*
            )*
            $(concat!("sizeof(", stringify!($type), ")"),)*
            $(stringify!($constant),)*
            "sizeof(time_t)",
        ];
    };
}
include!("src/declared.rs");

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed=crt_static.rs");
    println!("cargo:rerun-if-changed=src/declared.rs");
    let found = if crt_static::is_static() { link_static() } else { link_shared() };
    let headers = found.unwrap_or_else(|why| {
        println!("cargo:warning=install libotr5-dev and libgcrypt20-dev (Debian), or the like");
        eprintln!("libotr and libgcrypt are needed: {why}");
        std::process::exit(1);
    });
    if let Err(why) = ask_headers(&headers) {
        println!("cargo:warning=install the C compiler of the target (Debian: gcc)");
        eprintln!("libotr's headers cannot be compared with the declarations: {why}");
        std::process::exit(1);
    }
}

/// Writes the answers to `headers.rs`. The compiler is the target's, whose programs may not run here: it
/// puts each answer into the assembler's text, which is read.
fn ask_headers(include: &[PathBuf]) -> io::Result<()> {
    let mut program = String::from(
        "#include <stddef.h>\n#include <time.h>\n#include <libotr/proto.h>\n#include <libotr/message.h>\n\
         #include <libotr/privkey.h>\nvoid ask(void);\nvoid ask(void) {\n",
    );
    for (at, question) in QUESTIONS.iter().enumerate() {
        let question = question.replace("r#", "");
        let _ = writeln!(
            program,
            r#"__asm__ volatile ("\n.ascii \"answer %c0 %c1\"" : : "i" ({at}), "i" ((long)({question})));"#
        );
    }
    program.push_str("}\n");

    let out = env::var_os("OUT_DIR").map(PathBuf::from).unwrap_or_default();
    let (source, text) = (out.join("headers.c"), out.join("headers.s"));
    fs::write(&source, program)?;
    let compiler =
        cc::Build::new().includes(include).try_get_compiler().map_err(io::Error::other)?;
    let mut command = compiler.to_command();
    // Optimized for the linker, there would be no text.
    let status = command.args(["-fno-lto", "-S", "-o"]).args([&text, &source]).status()?;
    if !status.success() {
        return Err(io::Error::other(format!("{command:?}: {status}")));
    }
    let mut answers = read_answers(&text)?;
    // The one type that is not ours to declare: on 32-bit processors it depends on the compiler's options.
    let time = match answers.pop() {
        Some(4) => "i32",
        Some(8) => "i64",
        other => return Err(io::Error::other(format!("time_t has {other:?} bytes"))),
    };
    let time = format!("/// As libotr's headers have it.\npub type time_t = {time};\n");
    fs::write(out.join("time.rs"), time)?;
    fs::write(out.join("headers.rs"), format!("const HEADERS: &[u64] = &{answers:?};\n"))
}

fn read_answers(text: &Path) -> io::Result<Vec<i64>> {
    let text = fs::read_to_string(text)?;
    let mut answers = vec![None; QUESTIONS.len()];
    for line in text.lines() {
        let Some(pair) = line.trim().strip_prefix(r#".ascii "answer "#) else { continue };
        let mut numbers = pair.trim_end_matches('"').split(' ').map(str::parse::<i64>);
        let (Some(Ok(at)), Some(Ok(answer))) = (numbers.next(), numbers.next()) else {
            return Err(io::Error::other(format!(
                "the compiler's answer is not understood: {line}"
            )));
        };
        if let Some(place) = usize::try_from(at).ok().and_then(|at| answers.get_mut(at)) {
            *place = Some(answer);
        }
    }
    let without = |at: usize| io::Error::other(format!("no answer: {:?}", QUESTIONS.get(at)));
    answers.iter().enumerate().map(|(at, answer)| answer.ok_or_else(|| without(at))).collect()
}

fn link_shared() -> Result<Vec<PathBuf>, Error> {
    let mut headers = Vec::new();
    for (name, least) in NEEDED {
        headers.extend(Config::new().atleast_version(least).probe(name)?.include_paths);
    }
    Ok(headers)
}

/// The pkg-config crate takes nothing static from `/usr`, so the lines for Cargo are written here.
fn link_static() -> Result<Vec<PathBuf>, Error> {
    let (mut libraries, mut headers) = (Vec::new(), Vec::new());
    for (name, least) in NEEDED {
        let mut config = Config::new();
        let found = config.atleast_version(least).statik(true).cargo_metadata(false).probe(name)?;
        println!("cargo:rustc-link-search=native={}", pkg_config::get_variable(name, "libdir")?);
        libraries.extend(found.libs);
        headers.extend(found.include_paths);
    }
    // Who needs a library comes before it: of a name that is there twice, the last counts.
    for (at, library) in libraries.iter().enumerate() {
        if !libraries.iter().skip(at + 1).any(|later| later == library) {
            println!("cargo:rustc-link-lib=static:-bundle={library}");
        }
    }
    Ok(headers)
}
