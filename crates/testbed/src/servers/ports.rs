use std::net::{Ipv4Addr, TcpListener};

use anyhow::Result;

/// `N` loopback ports that are free now. Nothing keeps them free: a start that loses the race is tried again.
pub(crate) fn free<const N: usize>() -> Result<[u16; N]> {
    // All stay bound until all are found, so that no port is given out twice.
    let listeners = [(); N].map(|()| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)));
    let mut ports = [0; N];
    for (port, listener) in ports.iter_mut().zip(listeners) {
        *port = listener?.local_addr()?.port();
    }
    Ok(ports)
}

#[cfg(test)]
mod tests {
    #[test]
    fn ports_differ() {
        let ports = super::free::<8>().unwrap();
        let distinct: std::collections::BTreeSet<_> = ports.iter().collect();
        assert_eq!(distinct.len(), 8, "{ports:?}");
    }
}
