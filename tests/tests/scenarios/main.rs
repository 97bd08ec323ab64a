//! The scenarios. One program, so that it links once; each part is a chapter.

mod harness;
