//! Reading `--quota name=quantity`.

/// Splits `requests.cpu=4` and checks that the right-hand side looks like a Kubernetes quantity.
///
/// # Errors
/// A sentence for the user.
pub(crate) fn parse_pair(text: &str) -> Result<(String, String), String> {
    let (name, quantity) = text
        .split_once('=')
        .ok_or("must have the form 'requests.cpu=4'")?;
    if name.is_empty() {
        return Err("must name a resource before '=', for example 'pods=50'".to_owned());
    }
    if !is_quantity(quantity) {
        return Err(format!(
            "'{quantity}' must be a quantity such as '4', '500m' or '8Gi'"
        ));
    }
    Ok((name.to_owned(), quantity.to_owned()))
}

/// Whether `text` is a non-negative decimal number with one of Kubernetes' suffixes.
fn is_quantity(text: &str) -> bool {
    let number_end = text
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(text.len());
    let (number, suffix) = text.split_at(number_end);
    let is_number = number.chars().any(|c| c.is_ascii_digit()) && number.matches('.').count() <= 1;
    let is_exponent = suffix.strip_prefix(['e', 'E']).is_some_and(|exponent| {
        exponent
            .parse::<i8>()
            .is_ok_and(|power| power.unsigned_abs() <= 18)
    });
    let is_suffix = matches!(
        suffix,
        "" | "n" | "u" | "m" | "k" | "M" | "G" | "T" | "P" | "E" | "Ki" | "Mi" | "Gi" | "Ti" | "Pi" | "Ei"
    );
    is_number && (is_suffix || is_exponent)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_are_told_from_other_text() {
        for good in ["0", "4", "500m", "0.5", ".5", "8Gi", "1e3", "1E-3", "2E", "12k"] {
            assert!(is_quantity(good), "{good}");
        }
        for bad in ["", "-1", "Gi", "4 Gi", "1.2.3", "4gb", "1e", "1e99", "four", "."] {
            assert!(!is_quantity(bad), "{bad}");
        }
    }

    #[test]
    fn a_pair_needs_both_sides() {
        assert_eq!(
            parse_pair("requests.cpu=4"),
            Ok(("requests.cpu".to_owned(), "4".to_owned()))
        );
        for bad in ["pods", "=4", "pods=", "pods=many"] {
            assert!(parse_pair(bad).is_err(), "{bad}");
        }
    }
}
