//! Damages inputs, the same way for the same seed.

/// Is a source of numbers (`SplitMix64`).
#[derive(Debug)]
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Gives a number below a bound; 0 below 0.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        let bound = u64::try_from(bound.max(1)).unwrap();
        usize::try_from(self.next() % bound).unwrap()
    }

    fn pick<'a, T: ?Sized>(&mut self, list: &[&'a T]) -> &'a T {
        list[self.below(list.len())]
    }

    /// Gives a piece of an input, short more often than long.
    fn piece(&mut self, input: &[u8]) -> std::ops::Range<usize> {
        let from = self.below(input.len());
        let most = [1, 4, 32, 400, input.len()][self.below(5)];
        let length = 1 + self.below(most);
        from..input.len().min(from + length)
    }
}

/// Are numbers at the limits of what holds them.
const LIMITS: [&str; 16] = [
    "0",
    "-1",
    "1e999",
    "-0.0",
    "0.7000001",
    "255",
    "65536",
    "2147483648",
    "4294967296",
    "9223372036854775808",
    "18446744073709551615",
    "340282366920938463463374607431768211456",
    "1e-400",
    "NaN",
    "9999-12-31T23:59:59Z",
    "-9999-01-01",
];

/// Are characters that act, hide, or are no text at all.
const ODD: [&[u8]; 16] = [
    b"\0",
    b"\r",
    b"\r\n",
    b"\n",
    b"\t",
    b"\x1b[31m",
    b"\xef\xbb\xbf",
    b"\xff\xfe",
    b"\xc2\x9b",
    b"\xc2\x85",
    b"\xe2\x80\xa8",
    b"\xe2\x80\xae",
    b"\xed\xa0\x80",
    b"\xf0\x9f\x91\xa9",
    b"\xc0\x80",
    b"\xff",
];

/// Open something that can be nested.
const NESTS: [&str; 9] = ["[", "{\"a\":", "- ", "{a: ", "\"", "? ", "&a [*a, ", "  ", "!!x "];

/// Makes one to six changes.
pub(crate) fn mutate(dice: &mut Dice, corpus: &[Vec<u8>], words: &[&str], most: usize) -> Vec<u8> {
    let mut input = corpus[dice.below(corpus.len())].clone();
    for _ in 0..=dice.below(6) {
        change(dice, &mut input, corpus, words);
    }
    input.truncate(most);
    input
}

fn change(dice: &mut Dice, input: &mut Vec<u8>, corpus: &[Vec<u8>], words: &[&str]) {
    let at = dice.below(input.len() + 1);
    match dice.below(18) {
        0 if !input.is_empty() => {
            let at = dice.below(input.len());
            input[at] ^= 1 << dice.below(8);
        }
        1 if !input.is_empty() => {
            let at = dice.below(input.len());
            input[at] = u8::try_from(dice.below(256)).unwrap();
        }
        2 if !input.is_empty() => drop(input.drain(dice.piece(input))),
        3 => input.truncate(at),
        4 if !input.is_empty() => {
            let piece = input[dice.piece(input)].to_vec();
            insert(input, at, &piece);
        }
        5 => {
            let other = &corpus[dice.below(corpus.len())];
            input.truncate(at);
            input.extend_from_slice(&other[dice.below(other.len() + 1)..]);
        }
        6 => {
            let other = &corpus[dice.below(corpus.len())];
            if !other.is_empty() {
                insert(input, at, &other[dice.piece(other)]);
            }
        }
        7 | 8 if !words.is_empty() => insert(input, at, dice.pick(words).as_bytes()),
        9 if !words.is_empty() && !input.is_empty() => {
            drop(input.splice(dice.piece(input), dice.pick(words).bytes()));
        }
        10 => insert(input, at, dice.pick(&ODD)),
        11 if !input.is_empty() => {
            // Something very often.
            let piece = input[dice.piece(input)].to_vec();
            let times = [10, 300, 10_000][dice.below(3)].min(60_000 / piece.len());
            insert(input, at, &piece.repeat(times));
        }
        12 => {
            let times = [5, 30, 200, 20_000][dice.below(4)];
            insert(input, at, dice.pick(&NESTS).repeat(times).as_bytes());
        }
        13 => {
            let wide = String::from_utf8_lossy(input).into_owned();
            let mark = if dice.below(2) == 0 { "\u{feff}" } else { "" };
            let order = if dice.below(2) == 0 { u16::to_le_bytes } else { u16::to_be_bytes };
            *input = format!("{mark}{wide}").encode_utf16().flat_map(order).collect();
        }
        14 => insert(input, 0, b"\xef\xbb\xbf"),
        15 => {
            let digits = |byte: &u8| byte.is_ascii_digit();
            if let Some(from) = input[at..].iter().position(digits).map(|from| at + from) {
                let length = input[from..].iter().take_while(|byte| digits(byte)).count();
                drop(input.splice(from..from + length, dice.pick(&LIMITS).bytes()));
            }
        }
        16 => {
            let end: &[u8] = if dice.below(2) == 0 { b"\r\n" } else { b"\r" };
            *input = input.split(|byte| *byte == b'\n').collect::<Vec<_>>().join(end);
        }
        17 => {
            let mut lines: Vec<&[u8]> = input.split(|byte| *byte == b'\n').collect();
            let (one, other) = (dice.below(lines.len()), dice.below(lines.len()));
            lines.swap(one, other);
            *input = lines.join(&b"\n"[..]);
        }
        _ => insert(input, at, &dice.next().to_le_bytes()[..1]),
    }
}

fn insert(input: &mut Vec<u8>, at: usize, piece: &[u8]) {
    drop(input.splice(at..at, piece.iter().copied()));
}
