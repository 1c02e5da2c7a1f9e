//! What is handed out beside the binary: it names what is there, and the programs that check it agree.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use wirewatch::config::{self, Settings};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}

fn read(name: &str) -> String {
    std::fs::read_to_string(root().join(name)).unwrap()
}

/// A file as YAML, with what it merges.
fn yaml(text: &str) -> serde_json::Value {
    let mut value: serde_yaml_ng::Value = serde_yaml_ng::from_str(text).unwrap();
    value.apply_merge().unwrap();
    serde_json::to_value(value).unwrap()
}

/// Settings that a file of ours gives through the environment.
fn settings_named(text: &str) -> BTreeSet<String> {
    text.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_')
        .filter(|word| word.starts_with("WIREWATCH_") && word.contains("__"))
        .map(str::to_owned)
        .collect()
}

#[test]
fn every_setting_that_is_handed_out_is_one() {
    let known: toml::Table = config::DEFAULTS.parse().unwrap();
    let mut count = 0;
    for name in [
        "docker-compose.yml",
        "docs/wirewatch.service",
        "README.md",
        "docs/deb/env",
        "docker-compose.env.example",
        "Dockerfile",
    ] {
        for setting in settings_named(&read(name)) {
            let path = setting["WIREWATCH_".len()..].to_lowercase();
            let (section, key) = path.split_once("__").unwrap();
            let section = known[section].as_table();
            assert!(
                section.is_some_and(|section| section.contains_key(key)),
                "{name}: {setting}"
            );
            count += 1;
        }
    }
    assert!(count > 8, "{count}");
}

#[test]
fn compose_names_services_that_are_there_and_files_that_are_there() {
    let text = read("docker-compose.yml");
    let compose = yaml(&text);
    let services = compose["services"].as_object().unwrap();
    for wanted in [
        "postgres",
        "web",
        "worker",
        "digest",
        "mail",
        "prometheus",
        "grafana",
    ] {
        assert!(services.contains_key(wanted), "{wanted}");
    }
    for (name, service) in services {
        for needed in service["depends_on"].as_object().into_iter().flatten() {
            assert!(services.contains_key(needed.0), "{name} needs {}", needed.0);
        }
        for volume in service["volumes"].as_array().into_iter().flatten() {
            let from = volume.as_str().unwrap().split(':').next().unwrap();
            if let Some(file) = from.strip_prefix("./") {
                assert!(root().join(file).exists(), "{name}: {file}");
            } else {
                assert!(compose["volumes"].get(from).is_some(), "{name}: {from}");
            }
        }
        for port in service["ports"].as_array().into_iter().flatten() {
            assert!(
                port.as_str().unwrap().starts_with("127.0.0.1:"),
                "{name} is for this machine alone"
            );
        }
    }
    for (name, path) in [("worker", ":9464/readyz"), ("digest", ":9464/readyz")] {
        let check = services[name]["healthcheck"]["test"].to_string();
        assert!(check.contains(path), "{name}: {check}");
    }
    // Backups are written where there is room for them, by programs that are there.
    assert_eq!(services["web"]["volumes"][0], "backups:/var/lib/wirewatch");
    let image = read("Dockerfile");
    assert!(image.contains("WORKDIR /var/lib/wirewatch") && image.contains("postgresql-client"));
    // What somebody sets in .env reaches the containers, whatever stands here.
    for name in ["web", "worker", "digest"] {
        assert_eq!(services[name]["env_file"], ".env", "{name}");
        for (variable, value) in services[name]["environment"].as_object().unwrap() {
            let is_fixed = ["WIREWATCH_METRICS__LISTEN"].contains(&variable.as_str());
            assert!(
                is_fixed
                    || !variable.starts_with("WIREWATCH_")
                    || value
                        .as_str()
                        .unwrap()
                        .starts_with(&format!("${{{variable}:-")),
                "{name}: {variable}"
            );
        }
    }
    let prometheus = yaml(&read("docs/prometheus.yml"));
    for job in prometheus["scrape_configs"].as_array().unwrap() {
        for name in job["dns_sd_configs"][0]["names"].as_array().unwrap() {
            assert!(services.contains_key(name.as_str().unwrap()), "{name}");
        }
    }
}

#[test]
fn the_package_names_files_that_are_there() {
    let manifest: toml::Table = read("Cargo.toml").parse().unwrap();
    let package = manifest["package"]["metadata"]["deb"].as_table().unwrap();
    for asset in package["assets"].as_array().unwrap() {
        let from = asset[0].as_str().unwrap();
        assert!(
            from.starts_with("target/release/") || root().join(from).exists(),
            "{from}"
        );
    }
    let scripts = root().join(package["maintainer-scripts"].as_str().unwrap());
    for script in ["postinst", "prerm", "postrm"] {
        let path = scripts.join(script);
        let checked = Command::new("sh").arg("-n").arg(&path).status().unwrap();
        assert!(checked.success(), "{script}");
        assert!(
            std::fs::read_to_string(path).unwrap().contains("set -e"),
            "{script}"
        );
    }
    let unit = read("docs/wirewatch.service");
    assert!(
        unit.contains("ExecStart=/usr/bin/wirewatch serve"),
        "the unit runs what the package brings"
    );
    for file in package["conf-files"].as_array().unwrap() {
        let is_brought = package["assets"]
            .as_array()
            .unwrap()
            .iter()
            .any(|asset| file.as_str().unwrap() == format!("/{}", asset[1].as_str().unwrap()));
        assert!(is_brought, "{file}");
    }
}

#[test]
fn what_the_package_and_the_compose_file_set_is_read() {
    for file in ["docs/deb/env", "docker-compose.env.example"] {
        let variables = read(file)
            .lines()
            .map(|line| line.trim_start_matches('#').trim())
            .filter_map(|line| line.split_once('='))
            .filter(|(name, _)| name.starts_with("WIREWATCH_"))
            .map(|(name, value)| (name.to_owned(), value.trim_matches('\'').to_owned()))
            .collect();
        Settings::from_layers(None, variables).unwrap();
    }
}

#[test]
fn the_package_is_configured_also_where_its_settings_were_removed() {
    // `chown` of a file that is not there would leave the package half installed.
    let script = read("docs/deb/scripts/postinst");
    let begin = script.find("if [ -e /etc/wirewatch/env ]").unwrap();
    let end = begin + script[begin..].find("    fi").unwrap();
    let outside = format!("{}{}", &script[..begin], &script[end..]);
    assert!(!outside.contains("/etc/wirewatch/env"), "{outside}");
}

#[test]
fn systemd_takes_the_unit_where_there_is_systemd() {
    let checked = Command::new("systemd-analyze")
        .args(["verify", "--man=no"])
        .arg(root().join("docs/wirewatch.service"))
        .stdin(Stdio::null())
        .output();
    let Ok(checked) = checked else {
        eprintln!("skipped: no systemd-analyze here");
        return;
    };
    let words = String::from_utf8_lossy(&checked.stderr);
    let complaints: Vec<&str> = words
        .lines()
        // The binary is not installed where tests run.
        .filter(|line| line.contains("wirewatch.service") && !line.contains("is not executable"))
        .collect();
    assert!(complaints.is_empty(), "{complaints:?}");
}
