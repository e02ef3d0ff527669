use super::*;

#[tokio::test]
async fn a_trial_leaves_nothing_behind() {
    everywhere(async |place| {
        let store = created(&place).await;
        store.try_writing().await.expect("it takes objects");
        assert_eq!(store.newest_run().await.expect("readable"), None);
        if let Place::Folder(folder) = &place {
            let entries =
                std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("one").file_name());
            assert_eq!(entries.collect::<Vec<_>>(), ["id"]);
        }
    })
    .await;
}

#[tokio::test]
async fn a_place_that_takes_no_objects_says_so() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("store");
    let store = created(&Place::Folder(path.clone())).await;
    std::fs::remove_dir_all(&path).expect("removed");
    std::fs::write(&path, "no folder").expect("written");
    let refused = store.try_writing().await.expect_err("there is a file in its place");
    assert!(matches!(refused, StoreError::Failed { .. }), "{refused:?}");
    assert!(Store::none(TENANT).try_writing().await.is_ok(), "there is nothing to try");
}

#[tokio::test]
async fn who_holds_the_lock_is_told_without_taking_it() {
    everywhere(async |place| {
        let (store, clock) = (created(&place).await, clock());
        assert_eq!(store.under_way(&clock).await.expect("readable"), None);
        let lease = store.lock("ada@here 1", &clock).await.expect("free");
        let held = store.under_way(&clock).await.expect("readable").expect("ada holds it");
        assert_eq!((held.run.0, held.holder.as_str()), (1, "ada@here 1"));
        lease.release().await;
        assert_eq!(store.under_way(&clock).await.expect("readable"), None);
    })
    .await;
}
