//! Owns the names that mail programs and servers of many languages give to the folders everyone has.
//!
//! It is asked only where a server does not say itself what a folder is for.

use std::collections::HashMap;
use std::sync::LazyLock;

use super::mailbox::Role;

/// The names, in lower case. They are compared in the form that [`folded`] gives both sides.
#[rustfmt::skip]
const NAMES: [(Role, &[&str]); 7] = [
    (Role::Inbox, &["inbox"]),
    (Role::Drafts, &[
        "drafts", "draft", "draft messages", "unsent messages",
        "draf", "konsep", // Indonesian, also Dutch and Afrikaans
        "entwürfe", "entwurf", "entwuerfe",
        "brouillons", "brouillon",
        "borradores", "borrador",
        "rascunhos", "rascunho",
        "bozze", "bozza",
        "concepten", "klad", "kladjes",
        "wersje robocze", "szkice", "robocze", "kopie robocze",
        "черновики", "черновик",
        "чернетки", "чернетка",
        "taslaklar", "taslak",
        "下書き", "草稿",
        "草稿箱", "草稿夹", "草稿匣", "草稿備份匣",
        "임시보관함", "임시 보관함", "초안",
        "utkast",
        "kladder", "kladde",
        "luonnokset", "luonnos",
        "koncepty", "rozepsané", "rozepsane",
        "piszkozatok", "piszkozat",
        "πρόχειρα", "προχειρα",
        "المسودات", "مسودات", "مسودة",
        "טיוטות",
        "thư nháp", "bản nháp", "nháp",
        "ร่าง", "แบบร่าง", "จดหมายร่าง",
        "ciorne", "schițe", "schiţe", // Romanian
        "чернови", // Bulgarian
       
    ]),
    (Role::Sent, &[
        "sent", "sent items", "sent mail", "sent messages", "sent-mail", "sentmail",
        "terkirim", "pesan terkirim", "email terkirim", "surat terkirim", "item terkirim",
        "gesendet", "gesendete objekte", "gesendete elemente", "gesendete nachrichten", "gesendete",
        "envoyés", "envoyé", "messages envoyés", "éléments envoyés", "objets envoyés", "courrier envoyé",
        "courriers envoyés", "envoyes", "elements envoyes",
        "enviados", "enviado", "elementos enviados", "mensajes enviados", "correo enviado",
        "itens enviados", "mensagens enviadas", "e-mails enviados", "enviadas", "correio enviado",
        "inviata", "inviati", "posta inviata", "elementi inviati", "messaggi inviati",
        "verzonden", "verzonden items", "verzonden berichten", "verstuurd", "verzonden objecten",
        "wysłane", "elementy wysłane", "wiadomości wysłane", "wyslane",
        "отправленные", "отправленное", "отправленные письма",
        "надіслані", "відправлені", "надіслані листи",
        "gönderilmiş öğeler", "gönderilmiş", "gönderilenler", "gönderilmiş postalar", "gönderilen",
        "送信済み", "送信済みメール", "送信済みアイテム", "送信済メール",
        "已发送", "已发送邮件", "已发邮件", "已傳送", "已傳送的郵件", "寄件備份", "寄件備份匣",
        "보낸편지함", "보낸 편지함", "보낸메일함", "보낸 메일함", "보낸 메일",
        "skickat", "skickade", "skickade objekt", "skickade meddelanden",
        "sendt", "sendt post", "sendte elementer", "sendte beskeder", "sendte", "sendt e-mail",
        "sendte objekter", "sendt e-post", "sendte meldinger",
        "lähetetyt", "lähetetyt viestit", "lähetetty",
        "odeslané", "odeslaná pošta", "odeslané zprávy", "odeslane",
        "elküldött", "elküldött elemek", "elküldött üzenetek", "elküldött levelek",
        "απεσταλμένα", "σταλμένα", "απεσταλμενα",
        "المرسلة", "العناصر المرسلة", "البريد المرسل", "الرسائل المرسلة", "المرسل",
        "נשלח", "פריטים שנשלחו", "דואר שנשלח", "הודעות שנשלחו",
        "đã gửi", "thư đã gửi", "mục đã gửi",
        "ส่งแล้ว", "รายการที่ส่ง", "จดหมายที่ส่งแล้ว", "จดหมายที่ถูกส่ง",
        "trimise", "elemente trimise", "mesaje trimise",
        "изпратени",
    ]),
    (Role::Archive, &[
        "archive", "archives", "archived",
        "arsip", "diarsipkan",
        "archiv",
        "archivées", "archivés",
        "archivo", "archivados", "archivado",
        "arquivo", "arquivos", "arquivado", "arquivados",
        "archivio", "archiviati", "archiviate",
        "archief", "archieven", "gearchiveerd",
        "archiwum", "archiwa",
        "архив", "архивы",
        "архів", "архіви",
        "arşiv", "arsiv",
        "アーカイブ",
        "存档", "归档", "封存", "典藏", "封存郵件",
        "보관함", "보관",
        "arkiv", "arkiverat", "arkiveret", "arkivert",
        "arkisto", "arkistoidut",
        "archív", "archívum", "archivum", "archivace",
        "αρχείο", "αρχειοθήκη", "αρχειο",
        "الأرشيف", "أرشيف", "الارشيف",
        "ארכיון",
        "lưu trữ",
        "เก็บถาวร", "ที่เก็บถาวร",
        "arhivă", "arhiva",
    ]),
    (Role::All, &[
        "all mail",
        "semua email", "semua surat",
        "alle nachrichten",
        "tous les messages",
        "todos",
        "todos os e-mails",
        "tutti i messaggi", "tutta la posta",
        "alle berichten", "alle e-mails",
        "wszystkie",
        "вся почта",
        "вся пошта",
        "tüm postalar",
        "すべてのメール",
        "所有邮件", "所有郵件", "全部郵件",
        "전체보관함",
        "all e-post", "alla mail",
        "alle mails",
        "kaikki viestit",
        "všechny zprávy",
        "összes levél",
        "όλα τα μηνύματα",
        "كل البريد",
        "כל הדואר",
        "tất cả thư",
        "จดหมายทั้งหมด",
    ]),
    (Role::Junk, &[
        "junk", "spam", "junk e-mail", "junk email", "junk mail", "bulk mail", "spambox",
        "email sampah", "surat sampah",
        "junk-e-mail", "unerwünscht", "spamverdacht",
        "indésirables", "indésirable", "courrier indésirable", "pourriel", "pourriels", "spams",
        "correo no deseado", "no deseado", "correo basura",
        "lixo eletrônico", "lixo electrónico", "lixo eletrónico", "e-mail de lixo",
        "posta indesiderata", "indesiderata",
        "ongewenste e-mail", "ongewenst", "ongewenste reclame", "ongewenste mail",
        "wiadomości-śmieci", "wiadomości śmieci", "niechciane", "śmieci",
        "спам", "нежелательная почта", "нежелательные",
        "небажана пошта", "небажана",
        "istenmeyen", "istenmeyen e-posta", "gereksiz", "gereksiz e-posta", "önemsiz", "önemsiz e-posta",
        "迷惑メール", "スパム",
        "垃圾邮件", "垃圾箱", "垃圾郵件", "垃圾信件", "垃圾信件匣",
        "스팸", "스팸메일함", "스팸 메일함", "스팸편지함", "정크 메일", "정크메일",
        "skräppost",
        "uønsket", "uønsket mail", "uønsket post", "uønsket e-mail",
        "søppelpost", "uønsket e-post", "nettsøppel",
        "roskaposti", "roskapostit",
        "nevyžádaná pošta", "nevyžádané", "nevyzadana posta",
        "levélszemét", "kéretlen", "kéretlen levelek",
        "ανεπιθύμητα", "ανεπιθύμητη αλληλογραφία", "ανεπιθυμητα",
        "البريد العشوائي", "بريد عشوائي", "غير المرغوب فيه", "البريد غير المرغوب فيه", "رسائل غير مرغوب فيها",
        "דואר זבל", "ספאם", "דואר לא רצוי",
        "thư rác",
        "สแปม", "จดหมายขยะ", "อีเมลขยะ", "เมลขยะ",
        "mesaje nedorite", "нежелана поща",
    ]),
    (Role::Trash, &[
        "trash", "deleted items", "deleted messages", "deleted", "bin", "rubbish", "wastebasket", "deleted mail",
        "sampah", "tempat sampah", "kotak sampah", "item terhapus", "pesan terhapus", "dihapus",
        "papierkorb", "gelöscht", "gelöschte objekte", "gelöschte elemente", "gelöschte", "gelöschte nachrichten",
        "corbeille", "éléments supprimés", "messages supprimés", "supprimés", "objets supprimés", "poubelle",
        "papelera", "elementos eliminados", "eliminados", "mensajes eliminados", "papelera de reciclaje",
        "lixeira", "lixo", "itens excluídos", "itens eliminados", "excluídos", "apagados", "mensagens apagadas",
        "reciclagem",
        "cestino", "posta eliminata", "eliminati", "elementi eliminati", "messaggi eliminati",
        "prullenbak", "prullenmand", "verwijderde items", "verwijderd", "verwijderde berichten",
        "kosz", "usunięte", "elementy usunięte", "wiadomości usunięte",
        "корзина", "удаленные", "удалённые", "удаленные элементы", "удалённые письма", "удаленные письма",
        "кошик", "видалені", "смітник",
        "çöp", "çöp kutusu", "çöp sepeti", "silinmiş öğeler", "silinmiş", "silinenler",
        "ゴミ箱", "ごみ箱", "削除済み", "削除済みアイテム", "削除済みメール",
        "已删除", "已删除邮件", "废件箱", "回收站", "已刪除的郵件", "刪除的郵件", "垃圾桶", "已刪除", "资源回收筒",
        "휴지통", "지운편지함", "지운 편지함", "지운 메일함", "삭제된 항목",
        "papperskorgen", "papperskorg", "borttaget", "borttagna objekt", "borttagna", "raderade",
        "papirkurv", "slettet post", "slettede elementer", "slettede", "slettet",
        "søppel", "søppelkasse", "slettede objekter",
        "roskakori", "poistetut", "poistetut viestit",
        "koš", "odstraněná pošta", "odstraněné", "smazané", "smazané zprávy",
        "kuka", "lomtár", "törölt elemek", "törölt", "törölt üzenetek",
        "κάδος", "κάδος απορριμμάτων", "διαγραμμένα", "απορρίμματα", "καδος",
        "المهملات", "سلة المهملات", "العناصر المحذوفة", "المحذوفة", "البريد المحذوف",
        "אשפה", "פח אשפה", "פריטים שנמחקו", "נמחקו",
        "thùng rác", "mục đã xóa", "đã xóa", "đã xoá",
        "ถังขยะ", "รายการที่ถูกลบ", "ถูกลบ", "ขยะ",
        "coș de gunoi", "coş de gunoi", "gunoi", "elemente șterse", "кошче",
    ]),
];

/// The letters of the names that can also be written as a letter and its marks, as some file systems do.
#[rustfmt::skip]
const TAKEN_APART: &[(char, &str)] = &[
    ('á', "a\u{301}"), ('ã', "a\u{303}"), ('ä', "a\u{308}"), ('ç', "c\u{327}"), ('é', "e\u{301}"),
    ('í', "i\u{301}"), ('ó', "o\u{301}"), ('ô', "o\u{302}"), ('ö', "o\u{308}"), ('ù', "u\u{300}"),
    ('ü', "u\u{308}"), ('ă', "a\u{306}"), ('ę', "e\u{328}"), ('ě', "e\u{30c}"), ('ğ', "g\u{306}"),
    ('ś', "s\u{301}"), ('ş', "s\u{327}"), ('š', "s\u{30c}"), ('ţ', "t\u{327}"), ('ž', "z\u{30c}"),
    ('ư', "u\u{31b}"), ('ș', "s\u{326}"), ('ț', "t\u{326}"), ('ά', "α\u{301}"), ('έ', "ε\u{301}"),
    ('ή', "η\u{301}"), ('ί', "ι\u{301}"), ('ό', "ο\u{301}"), ('ύ', "υ\u{301}"), ('ё', "е\u{308}"),
    ('أ', "ا\u{654}"), ('ئ', "ي\u{654}"), ('ả', "a\u{309}"), ('ấ', "a\u{302}\u{301}"), ('ụ', "u\u{323}"),
    ('ử', "u\u{31b}\u{309}"), ('ữ', "u\u{31b}\u{303}"), ('ご', "こ\u{3099}"), ('べ', "へ\u{3099}"),
    ('ゴ', "コ\u{3099}"), ('パ', "ハ\u{309a}"), ('ブ', "フ\u{3099}"),
];

static ROLES: LazyLock<HashMap<String, Role>> =
    LazyLock::new(|| NAMES.iter().flat_map(|(role, names)| names.iter().map(|name| (folded(name), *role))).collect());

/// Tells what a folder is for by its name, levels parted by `/`: at the top, or right below the inbox, where some
/// servers keep all folders, or below `[Gmail]`.
pub(super) fn role_of_name(name: &str) -> Option<Role> {
    let name = name.trim();
    let leaf = below(name, "INBOX").or_else(|| below(name, "[Gmail]")).or_else(|| below(name, "[Google Mail]"));
    let is_gmail = name.starts_with('[');
    let role = *ROLES.get(&folded(leaf.unwrap_or(name)))?;
    let is_known_there = match role {
        Role::Inbox => leaf.is_none(),
        // "Todos" may as well be a list of things to do.
        Role::All => is_gmail || leaf.is_none() && name.eq_ignore_ascii_case("all mail"),
        _ => true,
    };
    is_known_there.then_some(role)
}

/// Gives what stands below a parent, if the name stands there.
fn below<'n>(name: &'n str, parent: &str) -> Option<&'n str> {
    let (start, rest) = name.split_at_checked(parent.len())?;
    rest.strip_prefix(['/', '.']).filter(|_| start.eq_ignore_ascii_case(parent))
}

/// Makes all spellings of a name the same: case, and letters written as one or with their marks apart.
fn folded(name: &str) -> String {
    let mut folded = String::with_capacity(name.len());
    for c in name.trim().to_lowercase().chars() {
        match TAKEN_APART.iter().find(|(whole, _)| *whole == c) {
            Some((_, parts)) => folded.push_str(parts),
            None => push_hangul(&mut folded, c),
        }
    }
    folded
}

/// Adds a character; a syllable of hangul as the letters that it consists of.
fn push_hangul(text: &mut String, c: char) {
    let Some(at) = u32::from(c).checked_sub(0xac00).filter(|at| *at < 11_172) else { return text.push(c) };
    let tail = 0x11a7 + at % 28;
    text.extend(char::from_u32(0x1100 + at / 588));
    text.extend(char::from_u32(0x1161 + at % 588 / 28));
    text.extend(char::from_u32(tail).filter(|_| tail != 0x11a7));
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::string_slice)]

    use super::*;

    #[test]
    fn the_folders_of_many_languages_are_known() {
        for (name, role) in [
            ("INBOX", Role::Inbox),
            ("Sent Items", Role::Sent),
            ("Draf", Role::Drafts),
            ("Terkirim", Role::Sent),
            ("Papierkorb", Role::Trash),
            ("ENTWÜRFE", Role::Drafts),
            ("Éléments envoyés", Role::Sent),
            ("Corbeille", Role::Trash),
            ("Correo no deseado", Role::Junk),
            ("Lixeira", Role::Trash),
            ("Lixo Eletrônico", Role::Junk),
            ("Cestino", Role::Trash),
            ("Prullenbak", Role::Trash),
            ("Kosz", Role::Trash),
            ("Wersje robocze", Role::Drafts),
            ("Отправленные", Role::Sent),
            ("Надіслані", Role::Sent),
            ("Çöp Kutusu", Role::Trash),
            ("下書き", Role::Drafts),
            ("ごみ箱", Role::Trash),
            ("已发送", Role::Sent),
            ("垃圾郵件", Role::Junk),
            ("보낸편지함", Role::Sent),
            ("Skräppost", Role::Junk),
            ("Papirkurv", Role::Trash),
            ("Søppelpost", Role::Junk),
            ("Roskakori", Role::Trash),
            ("Koš", Role::Trash),
            ("Piszkozatok", Role::Drafts),
            ("Απεσταλμένα", Role::Sent),
            ("المسودات", Role::Drafts),
            ("טיוטות", Role::Drafts),
            ("Thùng rác", Role::Trash),
            ("ถังขยะ", Role::Trash),
            ("Archief", Role::Archive),
        ] {
            assert_eq!(role_of_name(name), Some(role), "{name}");
        }
    }

    #[test]
    fn letters_and_their_marks_may_stand_apart() {
        for (name, role) in [
            ("Entwu\u{308}rfe", Role::Drafts),
            ("ENTWU\u{308}RFE", Role::Drafts),
            (
                "\u{1107}\u{1169}\u{1102}\u{1162}\u{11ab}\u{1111}\u{1167}\u{11ab}\u{110c}\u{1175}\u{1112}\u{1161}\u{11b7}",
                Role::Sent,
            ),
            ("コ\u{3099}ミ箱", Role::Trash),
        ] {
            assert_eq!(role_of_name(name), Some(role), "{name}");
        }
    }

    #[test]
    fn only_folders_at_the_top_and_right_below_the_inbox_have_a_role() {
        for (name, expected) in [
            ("INBOX/Sent", Some(Role::Sent)),
            ("INBOX.Trash", Some(Role::Trash)),
            ("inbox/drafts", Some(Role::Drafts)),
            ("[Gmail]/All Mail", Some(Role::All)),
            ("[Gmail]/Todos", Some(Role::All)),
            ("[Google Mail]/Bin", Some(Role::Trash)),
            ("[Gmail]", None),
            ("INBOX/INBOX", None),
            ("Projects/Sent", None),
            ("INBOX/Projects/Sent", None),
            ("INBOX.Projects.Sent", None),
            ("Todos", None),
            ("Sent 2019", None),
            ("", None),
            ("/", None),
            ("INBOX/", None),
            ("é", None),
        ] {
            assert_eq!(role_of_name(name), expected, "{name}");
        }
    }

    #[test]
    fn no_name_means_two_things_and_none_is_out_of_reach() {
        let mut seen: HashMap<String, Role> = HashMap::new();
        for (role, names) in NAMES {
            for name in names {
                assert_eq!(*name, name.to_lowercase(), "names are kept in lower case");
                assert_eq!(seen.insert(folded(name), role), None, "{name} stands twice");
            }
        }
    }
}
