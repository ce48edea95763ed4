//! `bartizan key`: what may be typed after it.

use clap::Subcommand;

use super::Connection;

/// `bartizan key …`
#[derive(Debug, Subcommand)]
pub(crate) enum Key {
    /// List signing keys, retired and revoked ones too.
    List {
        /// Connection.
        #[command(flatten)]
        connection: Connection,
    },
    /// Publish another key, which signs after an overlap that lets resources learn it.
    Rotate {
        /// Connection.
        #[command(flatten)]
        connection: Connection,
        /// Sign with it at once: resources that cache keys refuse its tokens until they fetch them again.
        #[arg(long)]
        now: bool,
    },
    /// End a key that does not sign any more before its time; tokens that it signed are refused from then on.
    Retire {
        /// Connection.
        #[command(flatten)]
        connection: Connection,
        /// Its id, as the list and the tokens' header show it.
        kid: String,
    },
    /// Put a leaked key out of use at once; another one signs, and tokens of the old one are refused.
    Revoke {
        /// Connection.
        #[command(flatten)]
        connection: Connection,
        /// Its id.
        kid: String,
    },
    /// Seal all keys anew, with a new key-encryption key: after the old one may have been read.
    Reseal {
        /// Connection.
        #[command(flatten)]
        connection: Connection,
    },
}
