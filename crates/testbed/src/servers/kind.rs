/// The servers that [`Server::start`](super::Server::start) knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ServerKind {
    /// Ceph's RADOS gateway over a monitor and one OSD: the reference for exact keys.
    Ceph,
    /// SeaweedFS' S3 gateway.
    SeaweedFs,
    /// moto: S3, STS and Secrets Manager on one port.
    Moto,
    /// Azurite, blobs only.
    Azurite,
}

impl ServerKind {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Ceph, Self::SeaweedFs, Self::Moto, Self::Azurite];

    /// The name that people know it by.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ceph => "Ceph RGW",
            Self::SeaweedFs => "SeaweedFS",
            Self::Moto => "moto",
            Self::Azurite => "Azurite",
        }
    }

    /// The variable that holds the address of one that runs already:
    /// `http://ACCESS_KEY:SECRET_KEY@host:port`, keys percent-encoded where they must be.
    pub fn variable(self) -> &'static str {
        match self {
            Self::Ceph => "TRANSSHIP_TEST_CEPH",
            Self::SeaweedFs => "TRANSSHIP_TEST_SEAWEEDFS",
            Self::Moto => "TRANSSHIP_TEST_MOTO",
            Self::Azurite => "TRANSSHIP_TEST_AZURITE",
        }
    }
}
