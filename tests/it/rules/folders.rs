//! R31, R54: folders.

use super::check;

#[test]
fn r31_the_names_of_the_live_folders_that_hold_it_in_byte_order() {
    check(
        "
        1 me: folder a 'Zebra'
        1 me: folder b 'apple'
        1 me: folder c 'Mango'
        1 me: folder d '北'
        1 me: folder e 'Empty'
        2 bob in c2c_bob: received m1
        3 me in c2c_bob: filed a
        3 me in c2c_bob: filed b
        3 me in c2c_bob: filed c
        3 me in c2c_bob: filed d
        ",
        "
        folders ['Empty' 'Mango' 'Zebra' 'apple' '北']
        c2c_bob in=['Mango' 'Zebra' 'apple' '北']
        ",
    );
}

#[test]
fn r31_two_live_folders_of_one_name_are_told_twice() {
    check(
        "
        1 me: folder a 'Work'
        1 me: folder b 'Work'
        2 bob in c2c_bob: received m1
        3 me in c2c_bob: filed a
        3 me in c2c_bob: filed b
        ",
        "
        folders ['Work' 'Work']
        c2c_bob in=['Work' 'Work']
        ",
    );
}

#[test]
fn r54_a_folder_lives_by_the_last_of_created_and_deleted() {
    check(
        "
        1 me: folder a 'A'
        2 me: folder-deleted a
        1 me: folder b 'B'
        2 me: folder-deleted b
        3 me: folder b 'B again'
        3 me: folder c 'C'
        2 me: folder-deleted c
        1~x me: folder d 'D'
        1~y me: folder-deleted d
        ",
        "folders ['B again' 'C']",
    );
}

#[test]
fn r54_a_folder_is_named_by_the_last_of_created_and_renamed() {
    check(
        "
        1 me: folder a 'old'
        3 me: folder-renamed a 'new'
        2 me: folder-renamed a 'between'
        1 me: folder b 'old'
        2 me: folder-renamed b 'renamed'
        3 me: folder b 'created anew'
        ",
        "folders ['created anew' 'new']",
    );
}

#[test]
fn r54_renaming_does_not_bring_to_life() {
    check(
        "
        1 me: folder a 'A'
        2 me: folder-deleted a
        3 me: folder-renamed a 'B'
        2 me: folder-renamed b 'never created'
        3 bob in c2c_bob: received m1
        4 me in c2c_bob: filed a
        4 me in c2c_bob: filed b
        ",
        "
        folders []
        c2c_bob in=[]
        ",
    );
    // But the name given in death is the name in the next life, if it is the later one.
    check(
        "
        1 me: folder a 'A'
        2 me: folder-deleted a
        5 me: folder-renamed a 'B'
        4 me: folder a 'C'
        ",
        "folders ['B']",
    );
}

#[test]
fn r54_membership_is_the_last_writers() {
    check(
        "
        1 me: folder a 'A'
        1 me: folder b 'B'
        2 bob in c2c_bob: received m1
        3 me in c2c_bob: filed a
        5 me in c2c_bob: unfiled a
        4 me in c2c_bob: filed a
        3 me in c2c_bob: unfiled b
        4 me in c2c_bob: filed b
        ",
        "c2c_bob in=['B']",
    );
}

#[test]
fn r54_membership_waits_for_its_folder_and_conversation() {
    check(
        "
        1 me in c2c_bob: filed a
        2 me: folder a 'A'
        3 bob in c2c_bob: received m1
        ",
        "c2c_bob in=['A']",
    );
}

#[test]
fn r54_membership_survives_the_deletion_of_either() {
    check(
        "
        1 me: folder a 'A'
        2 bob in c2c_bob: received m1
        3 me in c2c_bob: filed a
        4 me in c2c_bob: removed 2
        5 bob in c2c_bob: received m2
        ",
        "c2c_bob in=['A']",
    );
    check(
        "
        1 me: folder a 'A'
        2 bob in c2c_bob: received m1
        3 me in c2c_bob: filed a
        4 me: folder-deleted a
        ",
        "folders []\n c2c_bob in=[]",
    );
    check(
        "
        1 me: folder a 'A'
        2 bob in c2c_bob: received m1
        3 me in c2c_bob: filed a
        4 me: folder-deleted a
        5 me: folder a 'A again'
        ",
        "folders ['A again']\n c2c_bob in=['A again']",
    );
}

#[test]
fn r54_a_folder_may_hold_many_and_a_conversation_be_in_many() {
    check(
        "
        1 me: folder a 'A'
        1 me: folder b 'B'
        2 bob in c2c_bob: received m1
        2 bob in group_dev: received m1 #1
        3 me in c2c_bob: filed a
        3 me in c2c_bob: filed b
        3 me in group_dev: filed a
        ",
        "
        c2c_bob in=['A' 'B']
        group_dev in=['A']
        ",
    );
}
