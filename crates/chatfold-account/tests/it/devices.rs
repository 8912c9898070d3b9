//! Two devices offline for a while, then exchanging logs both ways: the same inbox.

use chatfold::store::{MemoryStore, NewEvent};
use chatfold_account::Account;

use crate::support::{alice, command, context, is_of, log, open, options};

fn all(account: &mut Account<MemoryStore>) -> Vec<NewEvent> {
    log(account).into_iter().map(|event| NewEvent::new(event.id, event.bytes)).collect()
}

#[test]
fn two_devices_offline_converge() {
    for seed in 0..20_u64 {
        let (one, other) = (MemoryStore::new(), MemoryStore::new());
        let (mut phone, mut laptop) = (open(&one), open(&other));
        // Something in common, then each its own.
        for n in 0..6 {
            phone.execute(command(seed, n), context(seed, n)).unwrap();
        }
        laptop.receive_encoded(all(&mut phone)).unwrap();
        assert_eq!(laptop.inbox().digest(), phone.inbox().digest());
        for n in 0..25 {
            phone.execute(command(seed + 100, n), context(seed + 100, n)).unwrap();
            laptop.execute(command(seed + 200, n), context(seed + 200, n)).unwrap();
        }
        // A line of a newer program goes along.
        let newer = NewEvent::new(
            "018f0e2a-0000-7000-8000-0000000000ff".parse().unwrap(),
            br#"{"v":2,"what":"a newer program wrote"}"#.to_vec(),
        );
        phone.receive_encoded(vec![newer.clone()]).unwrap();
        assert_eq!(phone.machine().skipped_events(), 1);
        let (of_phone, of_laptop) = (all(&mut phone), all(&mut laptop));
        phone.receive_encoded(of_laptop).unwrap();
        laptop.receive_encoded(of_phone).unwrap();
        assert_eq!(laptop.inbox().digest(), phone.inbox().digest(), "seed {seed}");
        // Exchanging again brings nothing new.
        let versions = (phone.prefix().events, laptop.prefix().events);
        let (of_phone, of_laptop) = (all(&mut phone), all(&mut laptop));
        assert!(of_laptop.contains(&newer), "kept byte for byte");
        assert_eq!(phone.receive_encoded(of_laptop).unwrap().events, 0);
        assert_eq!(laptop.receive_encoded(of_phone).unwrap().events, 0);
        assert_eq!((phone.prefix().events, laptop.prefix().events), versions);
        assert_eq!(versions.0, versions.1, "both have the same events");
        // And both go on from a cold start.
        for store in [one, other] {
            let mut cold = Account::open(store, alice(), options()).unwrap();
            assert_eq!(cold.inbox().digest(), phone.inbox().digest());
            let log = log(&mut cold);
            is_of(cold.inbox(), &log);
        }
    }
}
