//! Deliver a message by SMTP.
