//! The commands, one file each: they take resolved arguments, act, and hand results to the printer.

mod alert;
mod app;
mod audit;
mod ca;
mod completions;
mod env;
mod explain;
mod function;
mod grant;
mod hunt;
mod incident;
pub(crate) mod ingest;
mod key;
mod kql;
mod machine;
mod role;
mod rule;
mod run;
#[cfg(feature = "server")]
mod serve;
mod tenant;
mod token;
mod user;

use crate::args::{Cli, Command};
use crate::exit::Outcome;
use crate::printer::Printer;

/// Carries out what was typed.
pub(crate) fn run(cli: Cli) -> Outcome {
    let printer = Printer::new(&cli.global);
    match cli.command {
        #[cfg(feature = "server")]
        Command::Demo(serve) => serve::demo(&serve, &cli.global),
        #[cfg(feature = "server")]
        Command::Serve(serve) => serve::serve(&serve, &cli.global),
        #[cfg(feature = "server")]
        Command::Stop { data } => serve::stop(data, &printer),
        Command::Run {
            connection,
            proxy,
            command,
        } => run::run(&connection, proxy, &command, &printer),
        Command::Env { connection } => env::print(&connection, &printer),
        Command::Ca { connection } => ca::print(&connection, &printer),
        Command::Tenant(command) => client(tenant::run(command, &printer)),
        Command::Key(command) => client(key::run(command, &printer)),
        Command::App(command) => client(app::run(command, &printer)),
        Command::Sp(command) => client(grant::sp(command, &printer)),
        Command::Grant(command) => client(grant::run(command, &printer)),
        Command::User(command) => client(user::run(command, &printer)),
        Command::Group(command) => client(user::group(command, &printer)),
        Command::Role(command) => client(role::run(command, &printer)),
        Command::DefenderRole(command) => client(role::defender(command, &printer)),
        Command::DeviceGroup(command) => client(role::device_group(command, &printer)),
        Command::Token(command) => client(token::run(command, &printer)),
        Command::Explain(request) => client(explain::run(request, &printer)),
        Command::Audit(command) => client(audit::run(command, &printer)),
        Command::Incident(command) => client(incident::run(command, &printer)),
        Command::Alert(command) => client(alert::run(command, &printer)),
        Command::Machine(command) => client(machine::run(command, &printer)),
        Command::Rule(command) => client(rule::run(command, &printer)),
        Command::Function(command) => client(function::run(command, &printer)),
        Command::Hunt(command) => client(hunt::run(command, &printer)),
        Command::Ingest(command) => client(ingest::run(command, &printer)),
        Command::Kql(command) => kql::run(command, &printer),
        Command::Completions { shell } => completions::print(shell, &printer),
        Command::Reference => completions::reference(&printer),
    }
}

/// Runs a client command: one thread is enough to wait for answers.
fn client(command: impl Future<Output = Outcome>) -> Outcome {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?
        .block_on(command)
}
