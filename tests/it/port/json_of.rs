//! What a JSON document means, its numbers read digit by digit.

use std::collections::BTreeMap;

use super::values_of::decimal;

/// A JSON document by its value: keys sorted, numbers by value, strings by their characters.
pub fn json(text: &str) -> Result<String, String> {
    // serde_json reads the structure; numbers are looked up in the text, since it would round them
    let mut at = 0;
    let out = json_value(text, &mut at)?;
    skip(text, &mut at);
    if at == text.len() { Ok(out) } else { Err(format!("more than one JSON document: {text}")) }
}

fn skip(text: &str, at: &mut usize) {
    *at += text[*at..].len() - text[*at..].trim_start_matches([' ', '\t', '\n', '\r']).len();
}

fn json_value(text: &str, at: &mut usize) -> Result<String, String> {
    skip(text, at);
    let wrong = |at: usize| format!("no JSON at byte {at}: {}", text.chars().take(100).collect::<String>());
    match text.as_bytes().get(*at) {
        Some(b'{') => {
            let mut members = BTreeMap::new();
            *at += 1;
            skip(text, at);
            while text.as_bytes().get(*at) != Some(&b'}') {
                skip(text, at);
                let key = json_string(text, at)?;
                skip(text, at);
                if text.as_bytes().get(*at) != Some(&b':') {
                    return Err(wrong(*at));
                }
                *at += 1;
                let value = json_value(text, at)?;
                if members.insert(key.clone(), value).is_some() {
                    return Err(format!("the key {key} twice"));
                }
                skip(text, at);
                match text.as_bytes().get(*at) {
                    Some(b',') => *at += 1,
                    Some(b'}') => {}
                    _ => return Err(wrong(*at)),
                }
            }
            *at += 1;
            let members: Vec<String> = members.into_iter().map(|(key, value)| format!("{key}:{value}")).collect();
            Ok(format!("{{{}}}", members.join(",")))
        }
        Some(b'[') => {
            let mut elements = Vec::new();
            *at += 1;
            skip(text, at);
            while text.as_bytes().get(*at) != Some(&b']') {
                elements.push(json_value(text, at)?);
                skip(text, at);
                match text.as_bytes().get(*at) {
                    Some(b',') => *at += 1,
                    Some(b']') => {}
                    _ => return Err(wrong(*at)),
                }
            }
            *at += 1;
            Ok(format!("[{}]", elements.join(",")))
        }
        Some(b'"') => json_string(text, at),
        Some(_) => {
            let rest = &text[*at..];
            let end = rest.find([',', ']', '}', ' ', '\t', '\n', '\r']).unwrap_or(rest.len());
            let word = &rest[..end];
            *at += end;
            match word {
                "true" | "false" | "null" => Ok(word.to_owned()),
                _ => decimal(word).ok_or_else(|| wrong(*at)),
            }
        }
        None => Err(wrong(*at)),
    }
}

fn json_string(text: &str, at: &mut usize) -> Result<String, String> {
    let rest = &text[*at..];
    let mut end = 1;
    while rest.as_bytes().get(end).is_some_and(|byte| *byte != b'"') {
        end += if rest.as_bytes()[end] == b'\\' { 2 } else { 1 };
    }
    let quoted = rest.get(..=end).ok_or("a string that does not end")?;
    *at += end + 1;
    let decoded: String = serde_json::from_str(quoted).map_err(|error| format!("{error}: {quoted}"))?;
    Ok(format!("{decoded:?}"))
}
