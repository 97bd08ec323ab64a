//! Lists of effects in lines that a module takes: a peer's long text or a long table makes more
//! than fits in one.

use proto::irc::Text;
use proto::shim::{About, Effect};

/// Bytes of effects in a line of at most [`proto::MAX_LINE`], beside what stands around them.
pub const ROOM: usize = proto::MAX_LINE - 4096;

/// As many of the effects, from the first on, as fit in `room`; what is left over stays. The
/// held message can pass only in the reply to it: nothing is split before that.
pub fn first(effects: &mut Vec<Effect>, room: &mut usize) -> Vec<Effect> {
    // Nearly all are far from filling a line: that is seen without writing them down.
    let most: usize = effects.iter().map(at_most).sum();
    if most <= *room {
        *room -= most;
        return std::mem::take(effects);
    }
    let passes = effects.iter().position(|effect| matches!(effect, Effect::Pass));
    let mut taken = passes.map_or(0, |at| at + 1);
    for effect in effects.iter().take(taken) {
        *room = room.saturating_sub(size(effect));
    }
    while let Some(effect) = effects.get(taken).filter(|effect| size(effect) <= *room) {
        *room -= size(effect);
        taken += 1;
    }
    let rest = effects.split_off(taken);
    std::mem::replace(effects, rest)
}

/// All of the effects, in as many lists as it takes.
pub fn split(effects: Vec<Effect>) -> Vec<Vec<Effect>> {
    let mut rest: Vec<Effect> = effects.into_iter().flat_map(cut).collect();
    let mut lists = Vec::new();
    while !rest.is_empty() {
        let mut list = first(&mut rest, &mut { ROOM });
        if list.is_empty() {
            // Larger than any line: nothing else makes such a thing but a bug.
            list.push(rest.remove(0));
        }
        lists.push(list);
    }
    lists
}

/// What fits in one list, and how many lines are left out: the last rows of long tables, and sentences
/// where these alone are too long.
pub fn shorten(mut effects: Vec<Effect>) -> (Vec<Effect>, usize) {
    let (mut room, all) = (ROOM, effects.len());
    let is_table = |effect: &Effect| matches!(effect, Effect::Table { .. });
    effects.retain(|effect| is_table(effect) || takes(&mut room, size(effect)));
    let mut left_out = all - effects.len();
    for effect in &mut effects {
        let Effect::Table { columns, rows } = effect else { continue };
        let head = Effect::Table { columns: columns.clone(), rows: Vec::new() };
        room = room.saturating_sub(size(&head));
        let fit = rows.iter().take_while(|row| takes(&mut room, row_size(row))).count();
        left_out += rows.len() - fit;
        rows.truncate(fit);
    }
    (effects, left_out)
}

/// Takes so many bytes, if they are there.
fn takes(room: &mut usize, size: usize) -> bool {
    let rest = room.checked_sub(size);
    *room = rest.unwrap_or(*room);
    rest.is_some()
}

/// Bytes around the texts of an effect, at most, and around the effects of a line.
pub const AROUND: usize = 200;

/// What an effect takes in memory, in bytes.
pub fn weight(effect: &Effect) -> usize {
    AROUND + texts(effect).unwrap_or_else(|| size(effect))
}

/// No less than [`size`], and quickly told: a byte takes no more than six of JSON.
fn at_most(effect: &Effect) -> usize {
    texts(effect).map_or_else(|| size(effect), |texts| 6 * texts + AROUND)
}

/// Bytes of all texts in an effect; of tables and rules nobody knows without [`size`].
fn texts(effect: &Effect) -> Option<usize> {
    Some(match effect {
        Effect::Pass | Effect::Hold | Effect::Open => 0,
        Effect::Send { to, text, .. } | Effect::Echo { to, text, .. } => {
            to.as_bytes().len() + text.as_bytes().len()
        }
        Effect::Deliver { from, text, .. } => from.as_bytes().len() + text.as_bytes().len(),
        Effect::Print { text, about, .. } => text.as_bytes().len() + length(about),
        Effect::Protect { peer, .. } => peer.as_bytes().len(),
        Effect::Refuse { to, why, text, about, .. } => {
            to.as_bytes().len() + why.len() + text.as_bytes().len() + length(about)
        }
        Effect::State(one) => {
            let question = one.question.as_ref().map_or(0, |question| question.as_bytes().len());
            // Words and a fingerprint.
            one.peer.as_bytes().len() + question + 50
        }
        Effect::Table { .. } | Effect::Rules { .. } => return None,
    })
}

/// Bytes of what a sentence says for programs; what stands around a value is no longer than its
/// name six times.
fn length(about: &About) -> usize {
    let peer = about.peer.as_ref().map_or(0, |peer| peer.as_bytes().len());
    let code = about.code.as_ref().map_or(0, String::len);
    let args = about.args.iter().map(|(name, value)| name.len() + value.len());
    peer + code + args.sum::<usize>()
}

fn size(effect: &Effect) -> usize {
    serde_json::to_vec(effect).map_or(0, |json| json.len() + 1)
}

fn row_size(row: &[Text]) -> usize {
    serde_json::to_vec(row).map_or(0, |json| json.len() + 1)
}

/// A long table becomes several with the same heads.
fn cut(effect: Effect) -> Vec<Effect> {
    if size(&effect) <= ROOM {
        return vec![effect];
    }
    let Effect::Table { columns, rows } = effect else { return vec![effect] };
    let room = ROOM - 1024;
    let mut tables: Vec<Vec<Vec<Text>>> = vec![Vec::new()];
    let mut used = 0;
    for row in rows {
        let size = row_size(&row);
        if used + size > room {
            tables.push(Vec::new());
            used = 0;
        }
        used += size;
        if let Some(table) = tables.last_mut() {
            table.push(row);
        }
    }
    tables.into_iter().map(|rows| Effect::Table { columns: columns.clone(), rows }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proto::shim::{Effects, Security, Smp, Standing, State, Style, Trust};

    /// A value of control characters takes six bytes of JSON for each.
    fn about() -> About {
        let peer = proto::irc::Nick::new(vec![b'"'; 128]).ok();
        let arg = |number: usize| (number.to_string(), "\u{2}".repeat(100));
        About { peer, code: Some("code".into()), args: (10..20).map(arg).collect() }
    }

    fn print(length: usize) -> Effect {
        // Each control byte takes six bytes of JSON.
        Effect::Print {
            text: Text::new(vec![2; length]),
            style: Style::Plain,
            repeat: true,
            about: about(),
        }
    }

    #[test]
    fn every_list_fits_in_a_line_and_nothing_is_lost() {
        let rows = vec![vec![Text::from("x".repeat(200)); 5]; 500];
        let table = Effect::Table { columns: vec!["a".into(); 5], rows };
        let mut effects: Vec<Effect> = (0..100).map(|i| print(i * 10)).collect();
        effects.insert(50, table);
        let mut prints = 0;
        let mut rows = 0;
        for list in split(effects) {
            prints += list.iter().filter(|e| matches!(e, Effect::Print { .. })).count();
            for effect in &list {
                if let Effect::Table { rows: some, .. } = effect {
                    rows += some.len();
                }
            }
            let line = serde_json::to_vec(&Effects { effects: list }).unwrap();
            assert!(line.len() < proto::MAX_LINE - 100);
        }
        assert_eq!((prints, rows), (100, 500));
    }

    #[test]
    fn what_is_told_quickly_is_never_too_little() {
        let nick = || proto::irc::Nick::new([0xff; 128]).unwrap();
        let mask = || proto::irc::Source::new([b'"'; 128]).unwrap();
        for byte in [0, 1, b'"', b'a', 0xff] {
            let text = || Text::new(vec![byte; 500]);
            let (kind, why) = (proto::shim::MessageKind::CtcpReply, "\x01".repeat(500));
            for effect in [
                Effect::Pass,
                Effect::Hold,
                Effect::Send { to: nick(), kind, text: text() },
                Effect::Echo {
                    to: nick(),
                    kind,
                    text: text(),
                    client: u64::MAX,
                    of: Some(u64::MAX),
                    security: Some(Security::Unverified),
                },
                Effect::Deliver {
                    from: mask(),
                    kind,
                    text: text(),
                    security: Some(Security::Unverified),
                    unexpected: true,
                    late: true,
                    repeat: true,
                },
                Effect::Print { text: text(), style: Style::Plain, repeat: true, about: about() },
                Effect::Protect { peer: nick(), on: false, pending: true, by_user: true },
                Effect::Open,
                Effect::State(Standing {
                    peer: nick(),
                    state: State::Interrupted,
                    trust: Trust::Changed,
                    fingerprint: Some("A".repeat(40)),
                    policy: "opportunistic".into(),
                    waiting: u64::MAX,
                    smp: Smp::Answering,
                    question: Some(text()),
                }),
                Effect::Refuse {
                    to: nick(),
                    why: why.clone(),
                    text: text(),
                    of: Some(u64::MAX),
                    repeat: true,
                    about: about(),
                },
                Effect::Table { columns: vec!["a".into()], rows: vec![vec![text()]] },
            ] {
                assert!(at_most(&effect) >= size(&effect), "{effect:?}");
            }
        }
    }

    #[test]
    fn what_passes_stays_in_the_reply() {
        let mut effects = vec![print(1), Effect::Pass, print(1)];
        let list = first(&mut effects, &mut { 0 });
        assert_eq!((list.len(), effects.len()), (2, 1));
    }

    #[test]
    fn what_is_too_long_for_one_list_loses_the_ends_of_its_tables() {
        let row =
            |number: usize| vec![Text::from(format!("friend{number}")), Text::from("x".repeat(40))];
        let table = |rows| Effect::Table { columns: vec!["a".into(), "b".into()], rows };
        let whole = vec![print(10), table((0..100).map(row).collect()), print(20)];
        assert_eq!(shorten(whole.clone()), (whole, 0));

        let long = vec![print(10), table((0..4000).map(row).collect()), print(20)];
        let (shortened, left_out) = shorten(long.clone());
        let [first, Effect::Table { rows, .. }, last] = shortened.as_slice() else {
            panic!("{} effects", shortened.len());
        };
        assert_eq!([first, last], [&long[0], &long[2]]);
        assert_eq!(*rows, (0..4000 - left_out).map(row).collect::<Vec<_>>());
        let bytes = serde_json::to_vec(&shortened).unwrap().len();
        assert!((ROOM - 100..=ROOM + 2).contains(&bytes), "{bytes} bytes");

        let (shortened, left_out) = shorten(vec![print(1000); 50]);
        assert_eq!(shortened.len() + left_out, 50);
        assert!(left_out > 0 && serde_json::to_vec(&shortened).unwrap().len() <= ROOM + 2);
    }
}
