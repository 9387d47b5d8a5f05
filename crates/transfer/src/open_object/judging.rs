//! What can be said of a copy.

use std::time::Instant;

use transship_store::{PutReply, Result};
use transship_types::Strength;

use super::OpenObject;
use crate::{
    Done, Doubt,
    parts::Uploaded,
    pass::Landed,
    proof::{self, Sent},
    witness::{Reading, at_most},
    write::Writer,
};

impl OpenObject<'_> {
    pub(super) async fn judge_upload(&self, writer: &Writer, uploaded: Uploaded) -> Result<Done> {
        let Uploaded { reply, bytes, sent, doubt, in_parts } = uploaded;
        let strength = match proof::destination_agrees(writer, &reply, &sent) {
            Some(strength) => strength,
            None => proof::reread(self.source(), writer, &reply, &sent).await?,
        };
        let verified = at_most(doubt, strength);
        let comparable = writer.destination.bucket.capabilities().etag_may_be_md5;
        let split = in_parts && comparable && !writer.target.unpack;
        Ok(Done::Copied { verified, bytes, etag: reply.etag, on_server: false, split, doubt })
    }

    /// The verdict on a multipart object that was written in the same parts, at this time.
    pub(crate) async fn relayed(&self, at: usize, reply: Result<PutReply>, ended: Instant) -> Landed {
        let reply = match reply {
            Ok(reply) => reply,
            Err(error) => return Landed { result: Err(error), at: ended },
        };
        let writer = &self.pass.writers[at];
        if let Some(done) = self.proven(writer, &reply, None) {
            return Landed { result: Ok(done), at: ended };
        }
        let judged = self.judge(writer, reply, None, self.witness.read_again());
        self.followers[at].unless_leaving(judged).await.into()
    }

    /// What the servers' words prove.
    fn proven(&self, writer: &Writer, reply: &PutReply, sent: Option<&Reading>) -> Option<Done> {
        if let Some(strength) = proof::servers_agree(self.witness.etag().as_ref(), writer, reply) {
            return Some(self.whole(strength, reply, None));
        }
        let sent = sent?;
        let strength = proof::destination_agrees(writer, reply, &self.sent(sent))?;
        Some(self.whole(at_most(sent.doubt, strength), reply, sent.doubt))
    }

    fn sent(&self, reading: &Reading) -> Sent {
        Sent::whole(reading.md5.clone(), self.seen.info.size)
    }

    fn whole(&self, verified: Strength, reply: &PutReply, doubt: Option<Doubt>) -> Done {
        let (bytes, etag) = (self.seen.info.size, reply.etag.clone());
        Done::Copied { verified, bytes, etag, on_server: false, split: false, doubt }
    }

    /// The strongest thing that can be said of a copy whose bytes were those of the source: by the servers' words, or
    /// by reading it again, against what was `sent` where it was hashed, or what `otherwise` finds.
    pub(super) async fn judge(
        &self,
        writer: &Writer,
        reply: PutReply,
        sent: Option<Reading>,
        otherwise: impl Future<Output = Result<Reading>>,
    ) -> Result<Done> {
        if let Some(done) = self.proven(writer, &reply, sent.as_ref()) {
            return Ok(done);
        }
        let sent = match sent {
            Some(sent) => sent,
            None => otherwise.await?,
        };
        if let Some(done) = self.proven(writer, &reply, Some(&sent)) {
            return Ok(done);
        }
        let verified = proof::reread(self.source(), writer, &reply, &self.sent(&sent)).await?;
        Ok(self.whole(verified, &reply, sent.doubt))
    }
}
