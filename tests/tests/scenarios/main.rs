//! The scenarios. One program, so that it links once; each part is a chapter.

mod harness;

mod conversation;

mod authentication;

mod ending;

mod info;

mod clients;

mod waiting;

mod processes;
mod restarts;

mod boundary;

mod versions;

mod independent;

mod commands;

mod mentions;

mod queueing;

mod automatic;

mod sent_once;

mod tagging;

mod side_words;

mod nicks;

mod closed_by_memory;
mod effects;
mod guard;
mod registry;
mod shown;

mod surviving;

mod reloading;

mod broken_links;

mod farewells;

mod warnings;

mod saved;
mod several;

mod listening;

mod web;

mod client_scripts;

mod marks;

mod import_export;

mod identity;

mod hostile_files;

mod otrctl;

mod terminal;

mod settings;

mod stages;

mod keygen;

mod at_rest;

mod refused;
mod typed_methods;
mod unreachable;
mod users;

mod damage;

mod disk;

mod load;

mod crowds;
