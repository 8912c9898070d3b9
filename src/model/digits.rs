//! Numbers and UUIDs as the digits that write them, taken from tables two at a time.

/// The two decimal digits of each number below 100.
const DECIMAL: [[u8; 2]; 100] = {
    let mut pairs = [[b'0'; 2]; 100];
    let mut number = 0;
    while number < 100 {
        pairs[number] = [b'0' + (number / 10) as u8, b'0' + (number % 10) as u8];
        number += 1;
    }
    pairs
};

/// The last two decimal digits of a number.
#[inline]
pub(crate) fn two(number: u32) -> [u8; 2] {
    DECIMAL.get(number as usize % 100).copied().unwrap_or_default()
}

/// The two hexadecimal digits of each byte.
#[cfg(feature = "jsonl")]
const HEXADECIMAL: [[u8; 2]; 256] = {
    let digits = b"0123456789abcdef";
    let mut pairs = [[b'0'; 2]; 256];
    let mut byte = 0;
    while byte < 256 {
        pairs[byte] = [digits[byte >> 4], digits[byte & 15]];
        byte += 1;
    }
    pairs
};

/// How long the text of a UUID is.
#[cfg(feature = "jsonl")]
pub(crate) const UUID_LEN_BYTES: usize = 36;

/// A UUID of these bytes in lower case, with its four hyphens.
#[cfg(feature = "jsonl")]
#[inline]
pub(crate) fn uuid(bytes: &[u8; 16]) -> [u8; UUID_LEN_BYTES] {
    let mut text = [b'-'; UUID_LEN_BYTES];
    let places = [0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34];
    let mut number = 0;
    while number < 16 {
        // The table has every byte, and the last place is two before the end.
        [text[places[number]], text[places[number] + 1]] = HEXADECIMAL[bytes[number] as usize];
        number += 1;
    }
    text
}

/// Appends a number in decimal digits.
#[cfg(feature = "jsonl")]
#[inline]
pub(crate) fn push_uint(out: &mut Vec<u8>, number: u64) {
    match u32::try_from(number) {
        Ok(small @ ..10) => out.push(b'0' + small as u8),
        Ok(small @ ..100) => out.extend_from_slice(&two(small)),
        Ok(small @ ..10_000) => {
            let [[a, b], [c, d]] = [two(small / 100), two(small)];
            let digits = [a, b, c, d];
            out.extend_from_slice(digits.get(usize::from(small < 1_000)..).unwrap_or_default());
        }
        _ => push_long(out, number),
    }
}

#[cfg(feature = "jsonl")]
fn push_long(out: &mut Vec<u8>, mut number: u64) {
    // No number of 64 bits has more digits.
    let mut digits = [[b'0'; 2]; 10];
    let mut first = digits.len();
    for (at, pair) in digits.iter_mut().enumerate().rev() {
        *pair = two((number % 100) as u32);
        number /= 100;
        first = at;
        if number == 0 {
            break;
        }
    }
    let digits = digits.as_flattened();
    let leading = digits.get(2 * first..).unwrap_or_default();
    out.extend_from_slice(leading.strip_prefix(b"0").unwrap_or(leading));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_of_two_digits_is_in_the_table() {
        assert!((0..1_000).all(|number| two(number)[..] == *format!("{:02}", number % 100).as_bytes()));
    }

    #[cfg(feature = "jsonl")]
    #[test]
    fn numbers_and_uuids_are_written_as_they_display() {
        let mut numbers = vec![0, u64::MAX];
        for power in 0..20 {
            let ten = 10_u64.pow(power);
            numbers.extend([ten - 1, ten, ten + 1, ten.saturating_mul(9), u64::MAX / ten]);
        }
        numbers.extend(0..20_000);
        for number in numbers {
            let mut out = b"#".to_vec();
            push_uint(&mut out, number);
            assert_eq!(String::from_utf8_lossy(&out), format!("#{number}"));
        }
        for byte in 0..=255_u8 {
            let bytes: [u8; 16] =
                std::array::from_fn(|at| byte.wrapping_mul(at as u8 * 2 + 1).wrapping_add(byte));
            let expected = uuid::Uuid::from_bytes(bytes).to_string();
            assert_eq!(String::from_utf8_lossy(&uuid(&bytes)), expected);
        }
    }
}
