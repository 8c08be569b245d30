//! What is beyond a limit is refused by name, soon, and with the stack that a test has (a quarter of a process's).

use hocon::{Config, Document, Include, Includes, NoIncludes, Source, What, limits};

fn parsed(text: &str) -> Result<Document, String> {
    Document::parse(text, "ec1.conf", &[], &mut NoIncludes).map_err(|e| e.to_string())
}

fn refused(text: &str) -> String {
    parsed(text).expect_err("it is beyond a limit")
}

/// Why the value of `path` can't be told.
fn unresolved(text: &str, path: &[&str]) -> String {
    let document = parsed(text).expect("it can be read");
    let config = Config::of([&document]);
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
fn texts_lists_and_objects_that_double_themselves_end_soon() {
    let text = doubling("xxxxxxxxxx", "", ["", ""]);
    assert_eq!(unresolved(&text, &["a59"]), "ec1.conf:15: stands for a text of more than 64 KiB");
    let why = unresolved(&doubling("[1]", ", ", ["[", "]"]), &["a59"]);
    assert!(why.ends_with("stands for more than 100000 values"), "{why}");
    let why = unresolved(&doubling("[1]", " ", ["", ""]), &["a59"]);
    assert!(why.ends_with("stands for more than 100000 values"), "{why}");
    let why = unresolved(&doubling("{ x : 1 }", ", r : ", ["{ l : ", " }"]), &["a59"]);
    assert!(why.ends_with("stands for more than 100000 values"), "{why}");
    // Nothing of it, but as often as that.
    let why = unresolved(&doubling("\"\"", "", ["", ""]), &["a59"]);
    assert!(why.ends_with("stands for more than 100000 values"), "{why}");
}

#[test]
fn a_long_list_that_is_named_ten_thousand_times_ends_soon() {
    // Ten thousand times sixty thousand elements: gigabytes, were each copied.
    let text = format!("well : 1\na : [{}]\nb : {}", "1,".repeat(60_000), "${a}".repeat(10_000));
    let why = unresolved(&text, &["b"]);
    assert!(why.ends_with("stands for more than 100000 values"), "{why}");
}

#[test]
fn circles_and_endless_objects_end() {
    let circle = unresolved("well : 1\na : ${b}\nb : ${c}\nc : ${a}", &["a"]);
    assert_eq!(circle, "ec1.conf:4: ${a} is set nowhere but by itself");
    let around = unresolved("well : 1\na { b : ${a} }", &["a"]);
    assert_eq!(around, "ec1.conf:2: ${a} is set nowhere but by itself");
    let endless = unresolved("well : 1\na { b : ${c} }\nc : ${a}", &["a"]);
    assert_eq!(endless, "ec1.conf:2: stands for more than 128 values inside each other");
    let endless = unresolved("well : 1\na : [${a}, 1]", &["a"]);
    assert_eq!(endless, "ec1.conf:2: stands for more than 128 values inside each other");
}

#[test]
fn a_long_chain_ends_and_a_usual_one_does_not() {
    let chain = |length: usize| {
        let links = (1..length).map(|i| format!("a{i} : ${{a{}}}\n", i - 1));
        format!("well : 1\na0 : 7\n{}", links.collect::<String>())
    };
    let why = unresolved(&chain(10_000), &["a9999"]);
    assert!(why.ends_with("more than 128 substitutions that lead to one another"), "{why}");
    let document = parsed(&chain(100)).unwrap();
    assert_eq!(Config::of([&document]).text(&["a99"]).unwrap().unwrap().text, "7");
}

#[test]
fn a_name_that_is_set_ten_thousand_times_ends() {
    let text = format!("well : 1\n{}", "a : ${?a} x\n".repeat(10_000));
    let why = unresolved(&text, &["a"]);
    assert!(why.contains("more than"), "{why}");
}

#[test]
fn depth_is_refused_by_name() {
    for (open, what) in [("[", "a : "), ("{a:", "a : "), ("{a", "a : ")] {
        let why = refused(&format!("{what}{}", open.repeat(60_000)));
        assert_eq!(why, "ec1.conf:1: more than 64 objects and lists inside each other");
    }
    assert_eq!(
        refused(&format!("{}a : 1", "a.".repeat(100_000))),
        "ec1.conf:1: has a path of more than 128 names"
    );
    let deep = format!("{}x : 1{}", format!("{} {{ ", vec!["a"; 60].join(".")).repeat(3), "}".repeat(3));
    assert_eq!(refused(&deep), "ec1.conf:1: has a path of more than 128 names");
    // As deep as it may be.
    let nested = format!("a : {}1{}", "[".repeat(limits::NESTING), "]".repeat(limits::NESTING));
    let document = parsed(&nested).unwrap();
    assert!(Config::of([&document]).value(&[]).unwrap().is_some());
    let document = parsed(&format!("{}a : 1", "a.".repeat(limits::NAMES - 1))).unwrap();
    assert_eq!(Config::of([&document]).text(&["a"; 128]).unwrap().unwrap().text, "1");
}

#[test]
fn a_text_without_end_is_refused() {
    assert_eq!(refused(&"#".repeat(limits::TEXT + 1)), "ec1.conf:1: is longer than 256 KiB");
}

/// Each file includes the next.
struct Endless(usize);

impl Includes for Endless {
    fn read(&mut self, _: &Include) -> Result<Vec<Source>, String> {
        self.0 += 1;
        Ok(vec![Source { origin: format!("{}.conf", self.0), text: "in { include \"next\" }".to_owned() }])
    }
}

#[test]
fn files_that_include_each_other_end() {
    let mut endless = Endless(0);
    let why = Document::parse("include \"next\"", "0.conf", &[], &mut endless).unwrap_err();
    assert_eq!(why.to_string(), "15.conf:1: more than 16 files that include each other");
    assert_eq!(endless.0, 16);
}

struct Itself;

impl Includes for Itself {
    fn read(&mut self, include: &Include) -> Result<Vec<Source>, String> {
        let What::File(name) = &include.what else { return Err("no file".to_owned()) };
        Ok(vec![Source { origin: name.clone(), text: "\ninclude file(\"a.conf\")".to_owned() }])
    }
}

#[test]
fn a_file_that_includes_itself_is_named() {
    let why = Document::parse("include file(\"b.conf\")", "a.conf", &[], &mut Itself).unwrap_err();
    assert_eq!(why.to_string(), "b.conf:2: a.conf includes itself");
}

#[test]
fn substitutions_inside_each_other_are_refused_by_name() {
    let why = refused(&format!("a : {}", "${".repeat(100_000)));
    assert_eq!(why, "ec1.conf:1: expected '}' of a substitution, found a substitution");
}
