//! Quantities, written as an apiserver writes them: what it would write otherwise would differ for ever.

use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use warren_runtime::quantity::{self, ONE};

const BINARY: [&str; 7] = ["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"];
const DECIMAL: [&str; 7] = ["", "k", "M", "G", "T", "P", "E"];
/// Below one: of each the next is a thousand times smaller.
const FRACTION: [&str; 4] = ["", "m", "u", "n"];

/// `quantity` less `taken` billionths, never below zero, in its own form (`…Gi` stays binary). `None` when it cannot be read.
pub fn less(quantity: &Quantity, taken: i128) -> Option<Quantity> {
    let left = quantity::parse(quantity)?.saturating_sub(taken).max(0);
    Some(write(left, quantity))
}

/// So many billionths in the form of `like`, by the rules of apimachinery's `Quantity.CanonicalizeBytes`.
pub fn write(billionths: i128, like: &Quantity) -> Quantity {
    let is_binary = like.0.ends_with('i') && billionths >= 1024 * ONE && billionths % ONE == 0;
    if is_binary {
        return scaled(billionths / ONE, 1024, &BINARY);
    }
    if billionths % ONE == 0 {
        return scaled(billionths / ONE, 1000, &DECIMAL);
    }
    let mut amount = billionths;
    let mut units = FRACTION.iter().rev();
    let mut unit = units.next();
    while amount % 1000 == 0
        && let Some(larger) = units.next()
    {
        amount /= 1000;
        unit = Some(larger);
    }
    Quantity(format!("{amount}{}", unit.unwrap_or(&"")))
}

fn scaled(whole: i128, step: i128, units: &[&str]) -> Quantity {
    let mut amount = whole;
    let mut unit = "";
    for larger in units.iter().skip(1) {
        if amount == 0 || amount % step != 0 {
            break;
        }
        amount /= step;
        unit = larger;
    }
    Quantity(format!("{amount}{unit}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_is_written_as_an_apiserver_does() {
        for (whole, taken, left) in [
            ("80Gi", 40 << 30, "40Gi"),
            ("80Gi", (1 << 30) + (1 << 20), "80895Mi"),
            ("2Ki", 1500, "548"),
            ("10", 4, "6"),
            ("10k", 5000, "5k"),
            ("1k", 1, "999"),
            ("4", 4, "0"),
            ("1Gi", 2 << 30, "0"),
            ("7", 0, "7"),
        ] {
            let quantity = Quantity(whole.to_owned());
            assert_eq!(less(&quantity, taken * ONE).unwrap().0, left, "{whole} - {taken}");
        }
        let half = Quantity("1500m".to_owned());
        assert_eq!(less(&half, ONE).unwrap().0, "500m");
        assert_eq!(less(&half, ONE / 2).unwrap().0, "1");
        assert_eq!(less(&Quantity("1u".to_owned()), 1).unwrap().0, "999n");
        assert_eq!(less(&Quantity("many".to_owned()), 1), None);
    }
}
