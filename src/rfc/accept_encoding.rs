//! Accept-Encoding (RFC 9110 §12.5.3): is a coding one that the request asks for by its name?

use crate::fields::Fields;

/// Does `request` name every content coding of `response`, with a weight above 0? A `*` names none: whoever sends it may not know all of them.
#[must_use]
pub fn names_codings(request: &Fields, response: &Fields) -> bool {
    let codings = members(response, b"content-encoding").filter(|coding| !coding.eq_ignore_ascii_case(b"identity"));
    let is_named = |coding: &[u8]| members(request, b"accept-encoding").any(|member| asks_for(member, coding));
    codings.into_iter().all(is_named)
}

fn members<'a>(fields: &'a Fields, name: &'static [u8]) -> impl Iterator<Item = &'a [u8]> {
    let elements = fields.get_all(name).flat_map(|line| line.split(|byte| *byte == b','));
    elements.map(<[u8]>::trim_ascii).filter(|element| !element.is_empty())
}

/// > weight = OWS ";" OWS "q=" qvalue; […] a value of 0 means "not acceptable" (RFC 9110 §12.4.2).
fn asks_for(member: &[u8], coding: &[u8]) -> bool {
    let mut parameters = member.split(|byte| *byte == b';').map(<[u8]>::trim_ascii);
    let is_it = parameters.next().is_some_and(|name| name.eq_ignore_ascii_case(coding));
    let is_refusal = |parameter: &[u8]| {
        let weight = parameter.strip_prefix(b"q=").or_else(|| parameter.strip_prefix(b"Q="));
        weight.is_some_and(|weight| weight.iter().all(|byte| matches!(byte, b'0' | b'.')))
    };
    is_it && !parameters.any(is_refusal)
}

#[cfg(test)]
mod tests {
    use super::names_codings;

    #[test]
    fn a_coding_is_named_unless_it_is_refused() {
        for (request, response, expected) in [
            ("gzip, br", "gzip", true),
            ("GZIP;q=0.5", "gzip", true),
            ("br", "gzip", false),
            ("gzip;q=0", "gzip", false),
            ("gzip ; Q=0.000", "gzip", false),
            ("*", "gzip", false),
            ("identity", "gzip", false),
            ("gzip", "gzip, br", false),
            ("br, gzip", "gzip, br", true),
            ("", "identity", true),
        ] {
            let request = [("accept-encoding", request)].into_iter().collect();
            let response = [("content-encoding", response)].into_iter().collect();
            assert_eq!(names_codings(&request, &response), expected, "{request:?} {response:?}");
        }
    }
}
