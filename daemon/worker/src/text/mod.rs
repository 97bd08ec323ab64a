//! Small pure functions on IRC's bytes.

pub mod casemap;
pub mod ctcp;
pub mod date;
pub mod glob;
pub mod html;
pub mod sanitize;
pub mod wrap;
