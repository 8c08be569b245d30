//! Behaviour of this parser beyond the notation: errors with a location, independent values, the
//! fallback.

use hocon::{
    Config, Document, Include, IncludeLoader, IncludeTarget, IncludedText, RejectIncludes,
};

fn parse(text: &str) -> Document {
    Document::parse(text, "ec1.conf", &[], &mut RejectIncludes).unwrap_or_else(|e| panic!("{e}"))
}

fn text(config: &Config<'_>, path: &[&str]) -> Option<String> {
    config.text(path).unwrap_or_else(|e| panic!("{e}")).map(|found| found.text)
}

#[test]
fn syntax_error_gives_line_and_expectation() {
    for (text, said) in [
        (
            "a : 1\nb {\n  c : 2\n",
            "ec1.conf:3: expected '}' for that in line 2, found the end of the file",
        ),
        ("a : [1,\n2\n", "ec1.conf:2: expected ']' for that in line 1, found the end of the file"),
        ("a : 1\n}\n", "ec1.conf:2: expected a name, found '}'"),
        (
            "a 1\nb : 2",
            "ec1.conf:1: expected ':', '=', '+=' or '{' after \"a 1\", found the end of the line",
        ),
        ("a :\n\n, b : 1", "ec1.conf:3: expected a value, found ','"),
        ("a : 1 : 2", "ec1.conf:1: expected ',' or a new line, found ':'"),
        ("a { b : 1 ]", "ec1.conf:1: expected ',', '}' or a new line, found ']'"),
        ("a : \"x\nb : 1", "ec1.conf:1: expected '\"' before the end of the line"),
        (
            "a : \"\"\"x\nb : 1",
            "ec1.conf:2: expected '\"\"\"' before the end of the text, for that in line 1",
        ),
        (
            "a..b : 1",
            "ec1.conf:1: a path begins or ends with '.', has two of them together, or is empty",
        ),
        ("a : x!", "ec1.conf:1: '!' can't stand here without quotes"),
        ("a : $x", "ec1.conf:1: expected '{' after '$'"),
        ("a : ${x", "ec1.conf:1: expected '}' of a substitution before the end of the text"),
        (
            "\n\ninclude x",
            "ec1.conf:3: expected \"name\", file(\"name\") or required(...) after include, found the end of the file",
        ),
        (
            "include file(\"x\"",
            "ec1.conf:1: expected \"name\", file(\"name\") or required(...) after include, and as many ')' as '('",
        ),
        ("include \"x\"", "ec1.conf:1: nothing can be included here"),
    ] {
        let why = Document::parse(text, "ec1.conf", &[], &mut RejectIncludes).expect_err(text);
        assert_eq!(why.to_string(), said, "{text}");
    }
}

#[test]
fn unresolved_value_is_no_error_of_other_values() {
    let document = parse(
        "a : 1\nb : ${nowhere}\nc { d : ${b}, e : 2 }\nf : ${nowhere.deep}\nf { g : 3 }\nh : [1]\n",
    );
    let config = Config::from_documents([&document]);
    assert_eq!(text(&config, &["a"]).as_deref(), Some("1"));
    assert_eq!(text(&config, &["c", "e"]).as_deref(), Some("2"));
    assert_eq!(text(&config, &["f", "g"]).as_deref(), Some("3"), "what lies below can't change it");
    for (path, said) in [
        (&["b"][..], "ec1.conf:2: ${nowhere} is set nowhere"),
        (&["c", "d"], "ec1.conf:2: ${nowhere} is set nowhere"),
        (&["f", "other"], "ec1.conf:4: ${nowhere.deep} is set nowhere"),
        (&["h"], "ec1.conf:6: is a list, where a text is expected"),
    ] {
        assert_eq!(config.text(path).unwrap_err().to_string(), said);
    }
    assert!(config.value(&[]).is_err());
}

#[test]
fn fallback_is_asked_last_and_environment_never() {
    let document = parse(
        "a : ${HOME}\nb : ${mz.home}/log\nc : ${port}\nd : ${?PATH}\nmz.other : 1\nprops { port : 5 }\n",
    );
    let config = Config::from_documents([&document])
        .with_search_paths(&[&["props"]])
        .with_fallback(|name| match name {
            "mz.home" | "port" => Some("/opt/mz".to_owned()),
            _ => None,
        });
    assert_eq!(text(&config, &["b"]).as_deref(), Some("/opt/mz/log"));
    assert_eq!(text(&config, &["c"]).as_deref(), Some("5"));
    assert_eq!(text(&config, &["d"]), None);
    assert_eq!(config.text(&["a"]).unwrap_err().to_string(), "ec1.conf:1: ${HOME} is set nowhere");
}

#[test]
fn value_has_the_location_of_its_text() {
    let upper = parse("a : ${b}\n\nx : 1 ${b}\n");
    let lower = Document::parse("\nb : 2", "cell.conf", &[], &mut RejectIncludes).unwrap();
    let config = Config::from_documents([&upper, &lower])
        .with_fallback(|name| (name == "k").then(String::new));
    let place = |name| config.text(&[name]).unwrap().unwrap().location.unwrap().to_string();
    assert_eq!(place("a"), "cell.conf:2");
    assert_eq!(place("x"), "ec1.conf:3");
}

#[test]
fn quoted_name_below_dotted_paths_is_a_path() {
    let source =
        "p { \"a.b\" : 1, a.c : 2, \"a.b\" : 3 }\n\"a.b\" : 4\np.a.b : ${p.a.b}5\np.\"..\" : 6";
    let document = Document::parse(source, "ec1.conf", &[&["p"]], &mut RejectIncludes).unwrap();
    let config = Config::from_documents([&document]);
    assert_eq!(text(&config, &["p", "a", "b"]).as_deref(), Some("35"));
    assert_eq!(text(&config, &["p", "a", "c"]).as_deref(), Some("2"));
    assert_eq!(text(&config, &["a.b"]).as_deref(), Some("4"));
    assert_eq!(text(&config, &["p", ".."]).as_deref(), Some("6"));
}

/// Records the requested includes.
struct RecordedIncludes(Vec<(IncludeTarget, bool, u32)>);

impl IncludeLoader for RecordedIncludes {
    fn load(&mut self, include: &Include) -> Result<Vec<IncludedText>, String> {
        self.0.push((include.target.clone(), include.required, include.location.line()));
        Ok(Vec::new())
    }
}

#[test]
fn each_include_form_has_its_target() {
    let text = "include \"a\"\ninclude file( \"b\" ) # c\nx { include required(\"d\") }\ninclude required(file(\"e\")), include url(\"f\")\n\
        include classpath(\"g\")";
    let mut asked = RecordedIncludes(Vec::new());
    Document::parse(text, "ec1.conf", &[], &mut asked).unwrap();
    let name = str::to_owned;
    let expected = [
        (IncludeTarget::Relative(name("a")), false, 1),
        (IncludeTarget::File(name("b")), false, 2),
        (IncludeTarget::Relative(name("d")), true, 3),
        (IncludeTarget::File(name("e")), true, 4),
        (IncludeTarget::Url(name("f")), false, 4),
        (IncludeTarget::Classpath(name("g")), false, 5),
    ];
    assert_eq!(asked.0, expected);
}
