use std::collections::HashMap;
use std::fmt;

#[derive(Debug, PartialEq)]
pub enum TransferError {
    UnknownAccount(String),
    InsufficientFunds { needed: u64, available: u64 },
}

impl fmt::Display for TransferError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TransferError::UnknownAccount(name) => write!(f, "no account named {}", name),
            TransferError::InsufficientFunds { needed, available } => {
                write!(f, "{} needed but only {} available", needed, available)
            }
        }
    }
}

#[derive(Default)]
pub struct Bank {
    balances: HashMap<String, u64>,
}

impl Bank {
    pub fn deposit(&mut self, name: &str, amount: u64) {
        *self.balances.entry(name.to_string()).or_insert(0) += amount;
    }

    pub fn transfer(&mut self, from: &str, to: &str, amount: u64) -> Result<(), TransferError> {
        let available = *self
            .balances
            .get(from)
            .ok_or_else(|| TransferError::UnknownAccount(from.to_string()))?;
        if available < amount {
            return Err(TransferError::InsufficientFunds { needed: amount, available });
        }
        self.balances.insert(from.to_string(), available - amount);
        self.deposit(to, amount);
        Ok(())
    }
}

fn main() {
    let mut bank = Bank::default();
    bank.deposit("alice", 100);
    if let Err(error) = bank.transfer("alice", "bob", 250) {
        eprintln!("transfer failed: {}", error);
    }
}
