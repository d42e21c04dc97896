//! Three brokers that are one, of a test's own.

use std::{path::PathBuf, time::Duration};

use crate::{
    Broker,
    broker::{run_script, run_script_blocking, test_folder},
    eventually, unique_name,
};

/// A private cluster of three RabbitMQ nodes on the loopback address. Removed with its data when
/// dropped.
pub struct Cluster {
    folder: PathBuf,
    nodes: Vec<Broker>,
}

impl Cluster {
    /// Starts three nodes with no data, which takes some 20 s, and waits until they are one.
    ///
    /// # Panics
    /// When they do not start.
    pub async fn start() -> Self {
        let folder = test_folder().join(format!("cluster-{}", unique_name()));
        let mut cluster = Self { folder, nodes: Vec::new() };
        run_script("cluster", &cluster.folder, &[]).await;
        cluster.nodes = (1..=3).map(|n| Broker::of(cluster.folder.join(n.to_string()))).collect();
        cluster.is_whole().await;
        cluster
    }

    /// One of the nodes, from 0.
    pub fn node(&self, number: usize) -> &Broker {
        &self.nodes[number]
    }

    /// The URL that names all three.
    pub fn amqp_url(&self) -> String {
        let hosts = self.nodes.iter().map(|node| {
            let (_, host) = node.amqp_url().split_once('@').expect("the URL names a user");
            host.split_once('/').expect("the URL names a virtual host").0.to_owned()
        });
        let hosts: Vec<_> = hosts.collect();
        format!("amqp://guest:guest@{}/%2f", hosts.join(","))
    }

    /// Where the nodes' management APIs are.
    pub(crate) fn api_urls(&self) -> Vec<String> {
        self.nodes.iter().map(|node| node.api_url().to_owned()).collect()
    }

    /// Waits until all nodes run and know each other.
    ///
    /// # Panics
    /// When they do not.
    pub async fn is_whole(&self) {
        eventually(Duration::from_secs(90), async || {
            for node in &self.nodes {
                let url = format!("{}/nodes", node.api_url());
                let told = reqwest::get(url).await.ok()?.json::<serde_json::Value>().await.ok()?;
                let running = told.as_array()?.iter().filter(|node| node["running"] == true);
                if running.count() != self.nodes.len() {
                    return None;
                }
            }
            Some(())
        })
        .await;
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        run_script_blocking("uncluster", &self.folder);
    }
}
