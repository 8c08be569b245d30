//! The page of a command, from the definition that parses its arguments.

use clap::{Arg, Command};

use super::mdoc::{MdocPage, word};

/// The page of a command, or of one of its subcommands: `mzha-doctor(8)`.
pub(super) fn page(mut command: Command, task: Option<&str>, section: u8, date: &str) -> String {
    command.build();
    let name = command.get_name().to_owned();
    let tasks: Vec<&Command> =
        command.get_subcommands().filter(|task| task.get_name() != "help").collect();
    let task = task.and_then(|wanted| tasks.iter().find(|task| task.get_name() == wanted));
    match task {
        Some(task) => task_page(&name, task, section, date),
        None => command_page(&name, &command, &tasks, section, date),
    }
}

fn command_page(
    name: &str,
    command: &Command,
    tasks: &[&Command],
    section: u8,
    date: &str,
) -> String {
    let mut page = MdocPage::new(name, section, date);
    head(&mut page, name, command);
    for task in tasks {
        synopsis(&mut page, name, Some(task.get_name()), task);
    }
    page.request("Nm").request("Fl Fl help | Fl Fl version");
    page.request("Sh DESCRIPTION");
    page.text(&sentence(&about(command)));
    page.request("Bl -tag -width Ds");
    // In section 8, each subcommand has its own page.
    let detailed = section == 1;
    for task in tasks {
        page.request(&format!("It Cm {}", word(task.get_name()))).text(&sentence(&about(task)));
        if detailed {
            arguments(&mut page, task);
        }
    }
    page.request("El");
    page.request("Sh SEE ALSO");
    if detailed {
        page.request("Xr mediationzone-ra 7 ,").request("Xr mzha 8");
    } else {
        page.request("Xr mediationzone-ra 7 ,");
        for (number, task) in tasks.iter().enumerate() {
            let comma = if number + 1 < tasks.len() { " ," } else { "" };
            page.request(&format!("Xr {name}-{} {section}{comma}", task.get_name()));
        }
    }
    page.finish()
}

fn task_page(name: &str, task: &Command, section: u8, date: &str) -> String {
    let title = format!("{name}-{}", task.get_name());
    let mut page = MdocPage::new(&title, section, date);
    head(&mut page, &title, task);
    synopsis(&mut page, name, Some(task.get_name()), task);
    page.request("Sh DESCRIPTION");
    page.text(&sentence(&about(task)));
    page.request("Pp").text("The command changes nothing.");
    arguments(&mut page, task);
    page.request("Sh SEE ALSO");
    page.request("Xr mediationzone-ra 7 ,").request(&format!("Xr {name} {section}"));
    page.finish()
}

fn head(page: &mut MdocPage, title: &str, command: &Command) {
    let about = about(command);
    let short = about.split(['.', ';', ':']).next().unwrap_or_default();
    page.request("Sh NAME").request(&format!("Nm {title}"));
    page.request(&format!("Nd {short}"));
    page.request("Sh SYNOPSIS");
}

fn about(command: &Command) -> String {
    let about = command.get_about().map(ToString::to_string).unwrap_or_default();
    about.trim_end_matches('.').to_owned()
}

fn sentence(text: &str) -> String {
    if text.ends_with('?') { text.to_owned() } else { format!("{text}.") }
}

fn synopsis(page: &mut MdocPage, name: &str, task: Option<&str>, command: &Command) {
    page.request(&format!("Nm {name}"));
    if let Some(task) = task {
        page.request(&format!("Cm {}", word(task)));
    }
    for argument in shown(command) {
        let more = if argument.get_action().takes_values()
            && (argument.get_num_args().is_some_and(|number| number.max_values() > 1)
                || is_list(argument))
        {
            " ..."
        } else {
            ""
        };
        let form = form(argument);
        let optional = if argument.is_required_set() { "" } else { "Op " };
        page.request(&format!("{optional}{form}{more}"));
    }
}

/// True if the argument may occur more than once.
fn is_list(argument: &Arg) -> bool {
    matches!(argument.get_action(), clap::ArgAction::Append)
}

fn arguments(page: &mut MdocPage, command: &Command) {
    if shown(command).next().is_none() {
        return;
    }
    page.request("Bl -tag -width Ds");
    for argument in shown(command) {
        page.request(&format!("It {}", form(argument)));
        let help = argument.get_help().map(ToString::to_string).unwrap_or_default();
        let defaults: Vec<_> =
            argument.get_default_values().iter().map(|value| value.to_string_lossy()).collect();
        let default = if defaults.is_empty() || !argument.get_action().takes_values() {
            String::new()
        } else {
            format!(" Default: {}.", defaults.join(", "))
        };
        page.text(&format!("{}.{default}", help.trim_end_matches('.')));
    }
    page.request("El");
}

fn shown(command: &Command) -> impl Iterator<Item = &Arg> {
    command.get_arguments().filter(|argument| {
        !argument.is_hide_set() && !["help", "version"].contains(&argument.get_id().as_str())
    })
}

/// `Fl Fl timeout Ar SECONDS`
fn form(argument: &Arg) -> String {
    let values = argument.get_value_names().unwrap_or_default();
    let values: Vec<String> = if argument.get_action().takes_values() {
        values.iter().map(|value| format!("Ar {}", word(value.as_str()))).collect()
    } else {
        Vec::new()
    };
    let name = argument.get_long().map(|long| format!("Fl Fl {long} ")).unwrap_or_default();
    format!("{name}{}", values.join(" ")).trim_end().to_owned()
}
