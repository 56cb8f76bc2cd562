//! Pages of HTML that need nothing else: escaped text, sections, tables.

/// A page in the making.
#[derive(Debug, Default)]
pub(crate) struct Page(String);

impl Page {
    /// HTML as it is.
    pub fn raw(&mut self, html: &str) {
        self.0.push_str(html);
    }

    /// A name and what it stands for, of a `<dl>`; `html` as it is.
    pub fn fact(&mut self, name: &str, html: &str) {
        self.0.push_str(&format!("<dt>{name}</dt><dd>{html}</dd>\n"));
    }

    /// Begins a section. What is headed is counted.
    pub fn section(&mut self, id: &str, heading: &str) {
        self.0.push_str(&format!("<section id=\"{id}\">\n<h2>{heading}</h2>\n"));
    }

    /// Ends it.
    pub fn end_section(&mut self) {
        self.0.push_str("</section>\n");
    }

    /// A table, its cells as they are. Columns whose name begins with `#` hold numbers.
    pub fn table(&mut self, header: &[&str], rows: impl IntoIterator<Item = Vec<String>>) {
        let class = |name: &str| if name.starts_with('#') { " class=\"n\"" } else { "" };
        self.0.push_str("<div class=\"wide\"><table>\n<thead><tr>");
        for name in header {
            self.0.push_str(&format!("<th{}>{}</th>", class(name), name.trim_start_matches('#')));
        }
        self.0.push_str("</tr></thead>\n<tbody>\n");
        for row in rows {
            self.0.push_str("<tr>");
            for (name, cell) in header.iter().zip(row) {
                self.0.push_str(&format!("<td{}>{cell}</td>", class(name)));
            }
            self.0.push_str("</tr>\n");
        }
        self.0.push_str("</tbody>\n</table></div>\n");
    }

    /// The page.
    pub fn finish(self) -> String {
        self.0
    }
}

/// Text as HTML shows it, in attributes too. Control characters, which HTML has no way to write, are shown by their
/// pictures (U+2400 and on); marks that turn the direction of writing, by their numbers.
pub(crate) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\n' | '\t' => out.push(c),
            '\0'..='\x1f' => out.push(char::from_u32(0x2400 + u32::from(c)).unwrap_or('\u{fffd}')),
            '\x7f' => out.push('\u{2421}'),
            '\u{80}'..='\u{9f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {
                out.push_str(&format!("\\u{{{:x}}}", u32::from(c)));
            }
            c => out.push(c),
        }
    }
    out
}
