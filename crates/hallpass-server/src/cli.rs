//! The command line.

use clap::{Parser, Subcommand};

/// Accounts and sign-in for web apps. Without a command it serves.
#[derive(Debug, Parser)]
#[command(
    name = "hallpass",
    version,
    about,
    after_help = "Examples:
  hallpass                                    serve at http://127.0.0.1:8000 with SQLite and mail on the console
  hallpass createsuperuser                    make the first account
  hallpass --settings site.toml serve         serve with settings of your own
  DATABASE_URL=postgres://… hallpass migrate  make the tables

Exit codes: 0 done, 1 failed, 2 the settings or the arguments are wrong."
)]
pub(crate) struct Arguments {
    /// The settings file [default: hallpass.toml in this folder, if it is there]
    #[arg(long, global = true, env = "HALLPASS_SETTINGS", value_name = "FILE")]
    pub(crate) settings: Option<std::path::PathBuf>,
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Serve the pages, deliver the mail
    #[command(
        after_help = "Example:\n  HALLPASS_LISTEN=0.0.0.0:8000 ALLOWED_HOSTS=example.com hallpass serve"
    )]
    Serve {
        /// Do not make missing tables first
        #[arg(long)]
        no_migrate: bool,
    },
    /// Make what is missing in the database; nothing that is there is changed
    Migrate,
    /// Compare settings and database with what is needed
    Check,
    /// Make an account with all permissions
    #[command(after_help = "Examples:
  hallpass createsuperuser
  DJANGO_SUPERUSER_PASSWORD=… hallpass createsuperuser --noinput --username ann --email ann@example.com
  hallpass createsuperuser --field gender=F --field phone_number=+15550100")]
    Createsuperuser {
        /// The user name
        #[arg(long, env = "DJANGO_SUPERUSER_USERNAME")]
        username: Option<String>,
        /// The e-mail address
        #[arg(long, env = "DJANGO_SUPERUSER_EMAIL")]
        email: Option<String>,
        /// What a column of HALLPASS_USER_FIELDS is to hold, again for each
        #[arg(long = "field", value_name = "NAME=VALUE", value_parser = field)]
        fields: Vec<(String, String)>,
        /// Ask nothing; the password comes from DJANGO_SUPERUSER_PASSWORD, or there is none
        #[arg(long, visible_alias = "no-input")]
        noinput: bool,
    },
    /// Change an account's password
    #[command(
        after_help = "Examples:\n  hallpass changepassword ann\n  echo 'new password' | hallpass changepassword ann --stdin"
    )]
    Changepassword {
        /// User name or e-mail address
        username: String,
        /// Read the new password from standard input
        #[arg(long)]
        stdin: bool,
    },
    /// Print a sign-in link for an account, or a magic link to a page
    #[command(after_help = "Examples:
  hallpass link ann --base-url https://example.com
  hallpass link ann --page /reports/7/ --scope report:7")]
    Link {
        /// User name or e-mail address
        user: String,
        /// A magic link to this path of the site, instead of a sign-in link
        #[arg(long, value_name = "PATH")]
        page: Option<String>,
        /// The scope that the page asks for
        #[arg(long, requires = "page", default_value = "")]
        scope: String,
        /// What the link begins with [default: HALLPASS_PUBLIC_URL, or the site's domain]
        #[arg(long, value_name = "URL")]
        base_url: Option<String>,
    },
    /// The apps by which identity providers know this site
    #[command(subcommand)]
    Social(Social),
    /// Letters that wait or were given up
    #[command(subcommand)]
    Mail(Mail),
    /// Show every setting, its value and where it came from
    Settings {
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Print the OpenAPI document of the REST interface, as the settings make it; no database is asked
    #[command(after_help = "Examples:
  hallpass openapi > openapi.json
  REST_AUTH_USE_JWT=true hallpass openapi | npx openapi-typescript -o api.d.ts")]
    Openapi,
    /// Remove sessions and one-time records that have expired
    Clearsessions,
    /// Print the version
    Version,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Social {
    /// List them: those of the settings, then those of the database
    List {
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Add one to the database, for this site. Its secret rests encrypted
    #[command(after_help = "Examples:
  hallpass social add github --client-id 0123456789abcdef
  echo \"$SECRET\" | hallpass social add google --client-id ….apps.googleusercontent.com --secret-stdin
  hallpass social add openid_connect --provider-id keycloak --name \"Our Keycloak\" --client-id hallpass \\
      --app-settings '{\"server_url\": \"https://keycloak.example.com/realms/main\"}'")]
    Add(Box<AddApp>),
    /// Remove one from the database
    #[command(after_help = "Example:\n  hallpass social remove 3")]
    Remove {
        /// Its number, as `list` has it
        id: i64,
    },
    /// List the providers that are known
    Providers {
        /// As JSON
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, clap::Args)]
pub(crate) struct AddApp {
    /// The provider, as `hallpass social providers` lists it
    pub(crate) provider: String,
    /// What the provider knows us as
    #[arg(long)]
    pub(crate) client_id: Option<String>,
    /// The secret; others on this machine can read a command line, so rather let it be asked for
    #[arg(long, env = "HALLPASS_SOCIAL_SECRET", hide_env_values = true)]
    pub(crate) secret: Option<String>,
    /// Read the secret from standard input
    #[arg(long, conflicts_with = "secret")]
    pub(crate) secret_stdin: bool,
    /// A third text that some providers give
    #[arg(long)]
    pub(crate) key: Option<String>,
    /// Which of several of one provider; accounts are kept under it
    #[arg(long)]
    pub(crate) provider_id: Option<String>,
    /// What people read [default: the provider's name]
    #[arg(long)]
    pub(crate) name: Option<String>,
    /// Settings of the app, as JSON
    #[arg(long, value_name = "JSON")]
    pub(crate) app_settings: Option<String>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Mail {
    /// List them
    List {
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Try again now: one letter, or with --all those that were given up
    #[command(after_help = "Examples:\n  hallpass mail retry 17\n  hallpass mail retry --all")]
    Retry(Which),
    /// Throw away: one letter, or with --all every one
    #[command(after_help = "Examples:\n  hallpass mail drop 17\n  hallpass mail drop --all")]
    Drop(Which),
}

#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
pub(crate) struct Which {
    /// The letter's number
    pub(crate) id: Option<i64>,
    /// All of them
    #[arg(long)]
    pub(crate) all: bool,
}

pub(crate) fn parse() -> Arguments {
    Arguments::parse()
}

/// `name=value`
fn field(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) => Ok((name.trim().to_owned(), value.to_owned())),
        None => Err("write it as name=value".to_owned()),
    }
}
