//! What `bartizan run` makes of signals, its own and its child's.

use std::process::Stdio;

use crate::process::{Home, command};

/// Runs a script below `bartizan run`, itself below a shell that says something first; gives output and exit code.
fn below(home: &Home, before: &str, script: &str) -> (String, Option<i32>) {
    let data = home.data().display().to_string();
    let run = command(&["run", "--data", &data, "--", "sh", "-c", script]);
    let mut shell = std::process::Command::new("sh");
    let said = format!("{before}\nexec \"$0\" \"$@\"");
    shell.arg("-c").arg(said).arg(run.get_program());
    shell.args(run.get_args()).stdin(Stdio::null());
    for (name, value) in run.get_envs() {
        match value {
            Some(value) => shell.env(name, value),
            None => shell.env_remove(name),
        };
    }
    let ended = shell.output().expect("it ran");
    let told = String::from_utf8(ended.stdout).expect("UTF-8");
    (told, ended.status.code())
}

#[test]
fn a_child_hears_what_its_parent_hears_and_ends_as_it_ends() {
    let home = Home::new();
    let _serving = home.serve();
    let none = (String::new(), Some(137));
    assert_eq!(below(&home, ":", "kill -KILL $$"), none);
    // The parent is asked to end: the child hears it, and ends in its own way.
    let hears = "trap 'echo heard; exit 7' TERM; kill -TERM $PPID; for _ in 1 2 3 4 5 6 7 8 9; do sleep 1; done";
    assert_eq!(below(&home, ":", hears), ("heard\n".to_owned(), Some(7)));
    // What is ignored already stays so for the child, as below `nohup`; what is not ends it.
    let hangs_up = "kill -HUP $$; echo alive";
    let alive = ("alive\n".to_owned(), Some(0));
    assert_eq!(below(&home, "trap '' HUP", hangs_up), alive);
    // Not shown with HUP: these tests may themselves run below `nohup`.
    let ended = (String::new(), Some(143));
    assert_eq!(below(&home, ":", "kill -TERM $$; echo alive"), ended);
}
