use anyhow::{Context, Result};
use percent_encoding::percent_decode_str;
use transship_types::Secret;

use super::{Server, ServerKind};

/// The server at an address of the form `http://ACCESS_KEY:SECRET_KEY@host:port`. Without keys, it has those of the
/// servers that are started here; the emulator's account for Azurite.
pub(super) fn server(kind: ServerKind, address: &str) -> Result<Server> {
    let expected = "expected http://ACCESS_KEY:SECRET_KEY@host:port";
    let rest = address.strip_prefix("http://").context(expected)?;
    let (keys, host) = rest.rsplit_once('@').map_or((None, rest), |(keys, host)| (Some(keys), host));
    // A shared key signs the path with the account in it; an emulator's address may end in it.
    let (host, _account) = host.split_once('/').unwrap_or((host, ""));
    let server = Server::new(kind, format!("http://{host}"));
    let Some((id, secret)) = keys.map(|keys| keys.split_once(':').context(expected)).transpose()? else {
        return Ok(server);
    };
    Ok(server.with_keys(decoded(id)?, Secret::new(decoded(secret)?)))
}

fn decoded(text: &str) -> Result<String> {
    Ok(percent_decode_str(text).decode_utf8()?.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_from_the_environment_carries_its_keys() {
        let server = server(ServerKind::Ceph, "http://id:a%2Fb@127.0.0.1:7480/").unwrap();
        assert_eq!(server.endpoint(), "http://127.0.0.1:7480");
        assert_eq!((server.access_key_id(), server.secret_access_key().expose()), ("id", "a/b"));
        assert!(!format!("{server:?}").contains("a/b"));
    }

    #[test]
    fn an_emulator_s_address_may_name_its_account() {
        let azurite = server(ServerKind::Azurite, "http://127.0.0.1:10000/devstoreaccount1").unwrap();
        assert_eq!((azurite.endpoint(), azurite.access_key_id()), ("http://127.0.0.1:10000", "devstoreaccount1"));
    }

    #[test]
    fn an_address_without_its_scheme_or_secret_is_refused() {
        for wrong in ["127.0.0.1:7480", "http://id@127.0.0.1:7480"] {
            assert!(server(ServerKind::Ceph, wrong).is_err(), "{wrong}");
        }
    }
}
