//! The documents against the programs: what they show is played, what they list is compared.

mod page;

mod client;

mod otr_peer;

mod stage;

mod protocol;

mod names;

mod manual;

mod imports;

mod circles;
