//! Small pure functions on IRC's bytes.

pub mod casemap;
pub mod clean;
pub mod ctcp;
pub mod date;
pub mod html;
pub mod pattern;
pub mod wrap;
