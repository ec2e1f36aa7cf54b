//! Kubernetes quantities as exact numbers, in billionths (the smallest unit the API knows).

use k8s_openapi::apimachinery::pkg::api::resource::Quantity;

/// One whole unit (a core, a byte, a Pod) in billionths.
pub const ONE: i128 = 1_000_000_000;

/// The value of `quantity` in billionths; `None` if it is no quantity.
pub fn parse(quantity: &Quantity) -> Option<i128> {
    let text = quantity.0.trim();
    let split = text
        .find(|c: char| !matches!(c, '0'..='9' | '.' | '+' | '-'))
        .unwrap_or(text.len());
    let (number, suffix) = text.split_at_checked(split)?;
    scale(decimal(number)?, suffix)
}

/// `billionths` in the shortest form that is exact down to thousandths (rounded down below).
pub fn format(billionths: i128) -> Quantity {
    let thousandths = billionths.div_euclid(ONE / 1000);
    if thousandths % 1000 == 0 {
        Quantity((thousandths / 1000).to_string())
    } else {
        Quantity(format!("{thousandths}m"))
    }
}

/// A decimal number in billionths; digits below that are cut off.
fn decimal(number: &str) -> Option<i128> {
    let (negative, digits) = match number.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, number.strip_prefix('+').unwrap_or(number)),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let whole: i128 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
    let fraction: String = fraction.chars().chain("000000000".chars()).take(9).collect();
    let value = whole.checked_mul(ONE)?.checked_add(fraction.parse().ok()?)?;
    Some(if negative { -value } else { value })
}

fn scale(value: i128, suffix: &str) -> Option<i128> {
    let binary = |power: u32| value.checked_mul(1_i128.checked_shl(power)?);
    let thousands = |power: u32| value.checked_mul(1000_i128.pow(power));
    match suffix {
        "" => Some(value),
        "n" => Some(value / ONE),
        "u" => Some(value / 1_000_000),
        "m" => Some(value / 1000),
        "k" => thousands(1),
        "M" => thousands(2),
        "G" => thousands(3),
        "T" => thousands(4),
        "P" => thousands(5),
        "E" => thousands(6),
        "Ki" => binary(10),
        "Mi" => binary(20),
        "Gi" => binary(30),
        "Ti" => binary(40),
        "Pi" => binary(50),
        "Ei" => binary(60),
        exponent => {
            let power: i32 = exponent.strip_prefix(['e', 'E'])?.parse().ok()?;
            let factor = 10_i128.checked_pow(power.unsigned_abs())?;
            if power < 0 {
                Some(value / factor)
            } else {
                value.checked_mul(factor)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_every_notation() {
        let cases = [
            ("1", ONE),
            ("100m", ONE / 10),
            ("1.5", ONE * 3 / 2),
            (".5", ONE / 2),
            ("2Ki", 2048 * ONE),
            ("1.5Gi", 3 * (ONE << 29)),
            ("1e3", 1000 * ONE),
            ("12E", 12 * 1_000_000_000_000_000_000 * ONE),
            ("5n", 5),
            ("-2k", -2000 * ONE),
            ("1E2", 100 * ONE),
            ("15e-1", ONE * 3 / 2),
        ];
        for (text, value) in cases {
            assert_eq!(parse(&Quantity(text.to_owned())), Some(value), "{text}");
        }
        for bad in ["", "x", "1x", "1.2.3", "Gi", "1e"] {
            assert_eq!(parse(&Quantity(bad.to_owned())), None, "{bad}");
        }
    }

    #[test]
    fn writes_what_it_reads() {
        for text in ["0", "1", "250m", "1073741824", "-3"] {
            assert_eq!(format(parse(&Quantity(text.to_owned())).unwrap()).0, text);
        }
        assert_eq!(format(5).0, "0");
    }
}
