//! Prints docs/operate/parameters.md from the table of parameters.

use devtools::markdown::table;
use ocf::Parameter;
use pico::{PicoType, parameters};

const HEAD: &str = "\
<!-- Made by `cargo xtask gen` from crates/pico/src/parameters.rs: change that. -->

# Parameters

For administrators who configure resources: all parameters of `ocf:mediationzone:platform`, `ec`, `sc` and `ui`. \
`pcs resource describe ocf:mediationzone:platform` and `crm ra info ocf:mediationzone:platform` show the same texts.

- `pico_name` is required by `ec` and `sc`; `platform` and `ui` have a default. All other parameters are the same for all four.
- Pacemaker applies a change of a *reloadable* parameter without a restart. A change of any other parameter restarts the resource. \
[After a refresh](maintenance.md#change-a-parameter), the first change of a reloadable parameter also restarts the resource.
- If a reloadable parameter is invalid, the agent uses its default and logs a warning. Any other invalid parameter makes the start fail \
with 6 (not configured). `validate-all` and `mzha doctor` report both.
- Times are written as `90`, `90s`, `2m`, `1500ms` or `1h`.

";

const FOOT: &str = "
Next: [`mzha doctor`](doctor.md), which checks a whole configuration.
";

fn main() {
    print!("{}", page(parameters::for_type));
}

/// The page of these tables.
pub(crate) fn page(for_type: fn(PicoType) -> &'static [Parameter]) -> String {
    let heads = ["parameter", "value", "default", "reloadable", "meaning"];
    let rows = for_type(PicoType::Platform).iter().map(|parameter| row(parameter, for_type));
    format!("{HEAD}{}{FOOT}", table(&heads, rows))
}

fn row(parameter: &Parameter, for_type: fn(PicoType) -> &'static [Parameter]) -> Vec<String> {
    let meaning = match parameter.deprecated {
        Some(deprecated) => format!("Deprecated. {}", deprecated.desc),
        // The column has the default.
        None if parameter.default.is_some() => {
            parameter.longdesc.split(" Default: ").next().unwrap_or_default().to_owned()
        }
        None => parameter.longdesc.to_owned(),
    };
    vec![
        format!("`{}`", parameter.name),
        parameter.kind.to_string(),
        default(parameter, for_type),
        if parameter.reloadable { "yes" } else { "no" }.to_owned(),
        meaning.replace('<', "&lt;"),
    ]
}

/// `pico_name` is the only parameter whose default differs between the agents.
fn default(parameter: &Parameter, for_type: fn(PicoType) -> &'static [Parameter]) -> String {
    let of = |kind| for_type(kind).iter().find(|other| other.name == parameter.name)?.default;
    let (platform, ui, ec) =
        (of(PicoType::Platform), of(PicoType::Ui), of(PicoType::ExecutionContext));
    let shown = |default: Option<&str>| {
        default.map_or_else(|| "none".to_owned(), |text| format!("`{text}`"))
    };
    if platform == ec && platform == ui {
        return shown(platform);
    }
    format!("platform: {}; ui: {}; ec, sc: {}", shown(platform), shown(ui), shown(ec))
}
