//! An excess of a limit is refused with its name, soon, and within the stack of a test (a quarter
//! of a process's).

use hocon::{
    Config, Document, Include, IncludeLoader, IncludeTarget, IncludedText, RejectIncludes, limits,
};

fn parse(text: &str) -> Result<Document, String> {
    Document::parse(text, "ec1.conf", &[], &mut RejectIncludes).map_err(|e| e.to_string())
}

fn parse_error(text: &str) -> String {
    parse(text).expect_err("it is beyond a limit")
}

/// The error of the value at `path`.
fn resolve_error(text: &str, path: &[&str]) -> String {
    let document = parse(text).expect("it can be read");
    let config = Config::from_documents([&document]);
    let why = config.value(path).expect_err("it is beyond a limit").to_string();
    assert_eq!(config.text(&["well"]).unwrap().unwrap().text, "1", "the others still count");
    why
}

fn doubling(first: &str, separator: &str, close: [&str; 2]) -> String {
    let double = |i: usize| {
        let last = i - 1;
        format!("a{i} : {}${{a{last}}}{separator}${{a{last}}}{}\n", close[0], close[1])
    };
    format!("well : 1\na0 : {first}\n{}", (1..60).map(double).collect::<String>())
}

#[test]
fn doubling_texts_lists_and_objects_are_refused() {
    let text = doubling("xxxxxxxxxx", "", ["", ""]);
    assert_eq!(
        resolve_error(&text, &["a59"]),
        "ec1.conf:15: stands for a text of more than 64 KiB"
    );
    let why = resolve_error(&doubling("[1]", ", ", ["[", "]"]), &["a59"]);
    assert!(why.ends_with("stands for more than 100000 values"), "{why}");
    let why = resolve_error(&doubling("[1]", " ", ["", ""]), &["a59"]);
    assert!(why.ends_with("stands for more than 100000 values"), "{why}");
    let why = resolve_error(&doubling("{ x : 1 }", ", r : ", ["{ l : ", " }"]), &["a59"]);
    assert!(why.ends_with("stands for more than 100000 values"), "{why}");
    // The result is empty, but the number of steps is the same.
    let why = resolve_error(&doubling("\"\"", "", ["", ""]), &["a59"]);
    assert!(why.ends_with("stands for more than 100000 values"), "{why}");
}

#[test]
fn long_list_substituted_ten_thousand_times_is_refused() {
    // Copies would need gigabytes: ten thousand times sixty thousand elements.
    let text = format!("well : 1\na : [{}]\nb : {}", "1,".repeat(60_000), "${a}".repeat(10_000));
    let why = resolve_error(&text, &["b"]);
    assert!(why.ends_with("stands for more than 100000 values"), "{why}");
}

#[test]
fn cycles_and_endless_objects_are_refused() {
    let circle = resolve_error("well : 1\na : ${b}\nb : ${c}\nc : ${a}", &["a"]);
    assert_eq!(circle, "ec1.conf:4: ${a} is set nowhere but by itself");
    let around = resolve_error("well : 1\na { b : ${a} }", &["a"]);
    assert_eq!(around, "ec1.conf:2: ${a} is set nowhere but by itself");
    let endless = resolve_error("well : 1\na { b : ${c} }\nc : ${a}", &["a"]);
    assert_eq!(endless, "ec1.conf:2: stands for more than 128 values inside each other");
    let endless = resolve_error("well : 1\na : [${a}, 1]", &["a"]);
    assert_eq!(endless, "ec1.conf:2: stands for more than 128 values inside each other");
}

#[test]
fn overlong_substitution_chain_is_refused_and_usual_one_resolves() {
    let chain = |length: usize| {
        let links = (1..length).map(|i| format!("a{i} : ${{a{}}}\n", i - 1));
        format!("well : 1\na0 : 7\n{}", links.collect::<String>())
    };
    let why = resolve_error(&chain(10_000), &["a9999"]);
    assert!(why.ends_with("more than 128 substitutions that lead to one another"), "{why}");
    let document = parse(&chain(100)).unwrap();
    assert_eq!(Config::from_documents([&document]).text(&["a99"]).unwrap().unwrap().text, "7");
}

#[test]
fn self_reference_repeated_ten_thousand_times_is_refused() {
    let text = format!("well : 1\n{}", "a : ${?a} x\n".repeat(10_000));
    let why = resolve_error(&text, &["a"]);
    assert!(why.contains("more than"), "{why}");
}

#[test]
fn nesting_and_paths_beyond_their_limits_are_refused() {
    for (open, what) in [("[", "a : "), ("{a:", "a : "), ("{a", "a : ")] {
        let why = parse_error(&format!("{what}{}", open.repeat(60_000)));
        assert_eq!(why, "ec1.conf:1: more than 64 objects and lists inside each other");
    }
    assert_eq!(
        parse_error(&format!("{}a : 1", "a.".repeat(100_000))),
        "ec1.conf:1: has a path of more than 128 names"
    );
    let deep =
        format!("{}x : 1{}", format!("{} {{ ", vec!["a"; 60].join(".")).repeat(3), "}".repeat(3));
    assert_eq!(parse_error(&deep), "ec1.conf:1: has a path of more than 128 names");
    // The maximum depth.
    let nested = format!("a : {}1{}", "[".repeat(limits::NESTING), "]".repeat(limits::NESTING));
    let document = parse(&nested).unwrap();
    assert!(Config::from_documents([&document]).value(&[]).unwrap().is_some());
    let document = parse(&format!("{}a : 1", "a.".repeat(limits::PATH_ELEMENTS - 1))).unwrap();
    assert_eq!(Config::from_documents([&document]).text(&["a"; 128]).unwrap().unwrap().text, "1");
}

#[test]
fn file_beyond_its_size_limit_is_refused() {
    assert_eq!(
        parse_error(&"#".repeat(limits::FILE_BYTES + 1)),
        "ec1.conf:1: is longer than 256 KiB"
    );
}

/// Each file includes the next.
struct EndlessIncludes(usize);

impl IncludeLoader for EndlessIncludes {
    fn load(&mut self, _: &Include) -> Result<Vec<IncludedText>, String> {
        self.0 += 1;
        Ok(vec![IncludedText {
            origin: format!("{}.conf", self.0),
            text: "in { include \"next\" }".to_owned(),
        }])
    }
}

#[test]
fn include_chain_beyond_its_limit_is_refused() {
    let mut endless = EndlessIncludes(0);
    let why = Document::parse("include \"next\"", "0.conf", &[], &mut endless).unwrap_err();
    assert_eq!(why.to_string(), "15.conf:1: more than 16 files that include each other");
    assert_eq!(endless.0, 16);
}

struct SelfInclude;

impl IncludeLoader for SelfInclude {
    fn load(&mut self, include: &Include) -> Result<Vec<IncludedText>, String> {
        let IncludeTarget::File(name) = &include.target else { return Err("no file".to_owned()) };
        Ok(vec![IncludedText {
            origin: name.clone(),
            text: "\ninclude file(\"a.conf\")".to_owned(),
        }])
    }
}

#[test]
fn file_that_includes_itself_is_refused_by_name() {
    let why =
        Document::parse("include file(\"b.conf\")", "a.conf", &[], &mut SelfInclude).unwrap_err();
    assert_eq!(why.to_string(), "b.conf:2: a.conf includes itself");
}

#[test]
fn nested_substitutions_are_refused() {
    let why = parse_error(&format!("a : {}", "${".repeat(100_000)));
    assert_eq!(why, "ec1.conf:1: expected '}' of a substitution, found a substitution");
}
