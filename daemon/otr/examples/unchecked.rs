//! What every program does first that links this crate. build.rs links this one
//! wrongly on purpose, so it must refuse to go on.

fn main() -> Result<(), Box<dyn std::error::Error>> {
    otr::init()?;
    otr::dsa_check_in_force()?;
    println!("peers' keys are checked");
    Ok(())
}
