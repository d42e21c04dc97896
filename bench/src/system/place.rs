//! Where everything is, as the script tells it.

use std::{
    env, fs,
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
};

use anyhow::{Context, ensure};

/// The run's folder, its servers and its free ports.
pub struct Place {
    /// A folder that the script removes in the end.
    pub folder: PathBuf,
    /// PostgreSQL.
    pub database_url: String,
    /// RabbitMQ.
    pub amqp_url: String,
    /// For the gateway, the lead service and the campaign service.
    pub addresses: [SocketAddr; 3],
}

impl Place {
    /// Reads it from the environment.
    pub fn find() -> anyhow::Result<Self> {
        let get =
            |name| env::var(name).with_context(|| format!("{name} is not set; use `make bench`"));
        let ports: Vec<u16> = get("ROLLCALL_BENCH_PORTS")?
            .split(',')
            .map(str::parse)
            .collect::<Result<_, _>>()
            .context("ROLLCALL_BENCH_PORTS must be three ports")?;
        ensure!(ports.len() == 3, "ROLLCALL_BENCH_PORTS must be three ports");
        Ok(Self {
            folder: get("ROLLCALL_BENCH_FOLDER")?.into(),
            database_url: get("DATABASE_URL")?,
            amqp_url: get("AMQP_URL")?,
            addresses: [0, 1, 2].map(|place| (Ipv4Addr::LOCALHOST, ports[place]).into()),
        })
    }

    /// The process of a server: `postgres` or `rabbitmq`.
    pub fn server(&self, name: &str) -> anyhow::Result<u32> {
        let file = self.folder.join(name).join("pid");
        let pid = fs::read_to_string(&file).with_context(|| format!("cannot read {file:?}"))?;
        Ok(pid.trim().parse()?)
    }

    /// A program that was built together with this one.
    pub fn program(&self, name: &str) -> anyhow::Result<PathBuf> {
        let program = env::current_exe()?.with_file_name(name);
        ensure!(program.is_file(), "{} is not built; use `make bench`", program.display());
        Ok(program)
    }

    /// A program of the running PostgreSQL, and the libraries that it needs to be told of.
    pub fn postgres_program(&self, name: &str) -> anyhow::Result<(PathBuf, Option<String>)> {
        let process = Path::new("/proc").join(self.server("postgres")?.to_string());
        let server = fs::read_link(process.join("exe")).context("cannot find PostgreSQL")?;
        let program = server.with_file_name(name);
        ensure!(program.is_file(), "PostgreSQL's {name} is missing: {}", program.display());
        let environment = fs::read(process.join("environ"))?;
        let libraries = environment
            .split(|&byte| byte == 0)
            .find_map(|variable| variable.strip_prefix(b"LD_LIBRARY_PATH="))
            .map(|value| String::from_utf8_lossy(value).into_owned());
        Ok((program, libraries))
    }
}
