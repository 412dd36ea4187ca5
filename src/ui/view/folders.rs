//! Owns how the folders look.

use ratatui::Frame;
use ratatui::layout::{Position, Rect};
use ratatui::text::{Line, Span};

use crate::config::command::CommandId;
use crate::mail::account::AccountStatus;
use crate::mail::mailbox::Role;
use crate::mail::wrap;
use crate::ui::folders::Line as FolderLine;
use crate::ui::layout::Layout;
use crate::ui::model::{Focus, Model, Place};
use crate::ui::text;
use crate::ui::view::{Cursor, float, is_focused, paint, pane, put};

pub(super) fn draw(model: &Model, layout: &Layout, area: Rect, frame: &mut Frame, cursor: &mut Cursor) {
    let look = model.look();
    let has_focus = is_focused(model, Focus::Folders);
    let hint = model.key_of(CommandId::ToggleFolders).map(|key| format!("{key} hide")).unwrap_or_default();
    if layout.folders_float {
        float(frame, look, area, "Folders", "", "Enter open · Esc close");
    } else {
        pane(frame, look, area, has_focus, "Folders", &hint, "");
    }
    let inner = layout.folders_inner();
    let folders = &model.folders;
    for (at, line) in folders.lines.iter().enumerate().skip(folders.top).take(inner.height.into()) {
        let y = inner.y + (at - folders.top) as u16;
        let is_cursor = at == folders.at && model.focus == Focus::Folders;
        put(frame, inner.x, y, inner.width, &row(model, *line, is_cursor, inner.width.into()));
        if is_cursor {
            paint(frame, Rect::new(inner.x, y, inner.width, 1), look.cursor());
            cursor.get_or_insert(Position::new(inner.x, y));
        }
    }
}

fn row(model: &Model, line: FolderLine, is_cursor: bool, width: usize) -> Line<'static> {
    let look = model.look();
    let folders = &model.folders;
    match line {
        FolderLine::Account(id) => {
            let arrow = if folders.folded.contains(&id) { "▸" } else { "▾" };
            let name = folders.account(id).map(|account| text::safe(&account.name)).unwrap_or_default();
            // Known from before, but the configuration has no such account, or none that is right: nothing is fetched.
            let is_left_out = folders.account(id).is_some_and(|account| account.email.is_empty());
            let sign = match model.statuses.get(&id).map(|link| &link.status) {
                Some(AccountStatus::Offline { .. } | AccountStatus::Paused) => "○ ",
                Some(AccountStatus::Blocked(_)) => "✗ ",
                Some(AccountStatus::Syncing(_) | AccountStatus::Connecting) => "… ",
                _ if is_left_out => "! ",
                _ => "  ",
            };
            let name = wrap::fit(&format!("{arrow} {name}"), width.saturating_sub(4));
            Line::from(vec![
                Span::styled(if is_cursor { "▌" } else { " " }, look.accent()),
                Span::styled(name, look.dim()),
                Span::styled(format!(" {sign}"), if sign == "✗ " { look.bad() } else { look.dim() }),
            ])
        }
        FolderLine::Parent(id) => {
            let mailbox = folders.mailbox(id);
            let name = mailbox.map(|mailbox| folders.label(mailbox)).unwrap_or_default();
            let indent = "  ".repeat(mailbox.map_or(0, |mailbox| folders.depth(mailbox)));
            Line::from(vec![
                Span::styled(if is_cursor { "▌" } else { " " }, look.accent()),
                Span::styled(wrap::cut(&format!("  {indent}{name}"), width.saturating_sub(2)), look.dim()),
            ])
        }
        FolderLine::Place(place) => {
            let is_shown = place == model.list.place && model.search.is_none();
            let mailbox = match place {
                Place::Mailbox(id) => folders.mailbox(id),
                _ => None,
            };
            let indent = 1 + 2 * mailbox.map_or(0, |m| folders.depth(m)).min(4);
            let name = mailbox.map_or_else(|| folders.title(place), |mailbox| folders.label(mailbox));
            // What waits in Trash, or was sent, is no news.
            let is_quiet = mailbox.is_some_and(|m| matches!(m.role, Some(Role::Trash | Role::Sent | Role::Drafts)));
            let drafts = mailbox.filter(|m| m.role == Some(Role::Drafts)).map(|m| m.total);
            let unread = drafts.or_else(|| folders.unread(place).filter(|_| !is_quiet)).filter(|unread| *unread > 0);
            let count = unread.map(text::number).unwrap_or_default();
            let style = if unread.is_some() && drafts.is_none() { look.strong() } else { look.plain() };
            let room = width.saturating_sub(1 + 1 + 6 + 1);
            let name = wrap::fit(&format!("{}{name}", " ".repeat(indent)), room);
            let is_left = mailbox.is_some_and(|mailbox| !mailbox.is_subscribed);
            let style = if is_left { style.patch(look.dim()) } else { style };
            let sign = match (is_shown, is_left) {
                (true, _) => "›",
                (false, true) => "·",
                (false, false) => " ",
            };
            Line::from(vec![
                Span::styled(if is_cursor { "▌" } else { " " }, look.accent()),
                Span::styled(sign, look.accent()),
                Span::styled(name, if is_shown { style.patch(look.accent()) } else { style }),
                Span::styled(format!("{count:>6} "), if drafts.is_some() { look.dim() } else { style }),
            ])
        }
    }
}
