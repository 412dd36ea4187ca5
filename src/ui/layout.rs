//! Owns the geometry: which pane stands where at which size. The same numbers serve drawing, keys and mouse.

use ratatui::layout::Rect;

use crate::ui::model::{Focus, Model, Overlay, Preview};
use crate::ui::picker::PickerKind;

/// Below this one sentence is all that is shown.
pub(super) const LEAST_WIDTH: u16 = 40;
/// Rows below which one sentence is all that is shown.
pub(super) const LEAST_HEIGHT: u16 = 10;
/// From here on senders have their full column and dates their weekday.
pub(super) const MEDIUM: u16 = 60;
/// From here on folders stand beside the list, and the message below it.
const WIDE: u16 = 100;
/// From here on the message stands beside the list.
const VERY_WIDE: u16 = 150;
/// Rows of a screen without frames from which on a rule stands below the top line.
const RULE_HEIGHT: u16 = 16;
/// Rows between the bars and notices below which the list needs them for itself, where one row says what just happened.
const PREVIEW_LEAST: u16 = 13;
/// Columns of the folders with their frame.
const FOLDERS: u16 = 26;
/// Rows of the list with its frame, where the message stands below it.
const LIST_ABOVE: u16 = 16;
/// Rows that the list or the message keeps inside its frame, whatever there is to say.
const PANE_LEAST: u16 = 3;
/// Rows that the line above the footer takes at most.
const LINE_MOST: u16 = 4;
/// Longer lines are hard to read.
const TEXT_WIDTH: u16 = 96;
/// Columns of the boxes: commands have a sentence, folders only a name.
const PICKER_WIDE: u16 = 84;
const PICKER_NARROW: u16 = 56;
const LINKS_WIDE: u16 = 84;
/// Rows for a box below which it has no rules.
const PICKER_TIGHT: u16 = 12;
/// Rows of a box at most, and those of the links that are frame, rule and lines about the choice.
const PICKER_ROWS: u16 = 26;
const LINKS_REST: u16 = 5;
/// Rows of a question, or of a line that is typed, with its frame.
const QUESTION: u16 = 4;

/// Where everything stands. Panes that are not shown have no place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Layout {
    pub(super) is_too_small: bool,
    pub(super) has_frames: bool,
    /// Whether a message has room beside or below the list.
    pub(super) fits_preview: bool,
    pub(super) has_preview: bool,
    pub(super) top: Rect,
    pub(super) rule: Option<Rect>,
    pub(super) folders: Option<Rect>,
    pub(super) folders_float: bool,
    pub(super) list: Option<Rect>,
    pub(super) reader: Option<Rect>,
    pub(super) banner: Option<Rect>,
    pub(super) line: Rect,
    pub(super) footer: Rect,
    /// Everything between the top line and the banner.
    pub(super) body: Rect,
}

impl Layout {
    pub(super) fn of(model: &Model) -> Self {
        let (width, height) = (model.width, model.height);
        if width < LEAST_WIDTH || height < LEAST_HEIGHT {
            return Self { is_too_small: true, ..Self::default() };
        }
        let has_frames = width >= WIDE;
        let frame = if has_frames { 2 } else { 0 };
        let top_rows = 1 + u16::from(!has_frames && height >= RULE_HEIGHT);
        let line_rows = line_rows(model, height);
        let most = height.saturating_sub(top_rows + PANE_LEAST + frame + line_rows + 1);
        let banner_rows = (model.banner().len() as u16).min(most);
        let bottom = height - 1 - line_rows - banner_rows;
        let body = Rect::new(0, top_rows, width, bottom.saturating_sub(top_rows));
        let mut layout = Self {
            has_frames,
            // A line that needs more rows for some seconds moves no panes about.
            fits_preview: has_frames && body.height + line_rows > PREVIEW_LEAST,
            top: Rect::new(0, 0, width, 1),
            rule: (top_rows > 1).then(|| Rect::new(0, 1, width, 1)),
            banner: (banner_rows > 0).then(|| Rect::new(0, bottom, width, banner_rows)),
            line: Rect::new(0, height - 1 - line_rows, width, line_rows),
            footer: Rect::new(0, height - 1, width, 1),
            body,
            ..Self::default()
        };
        let mut rest = body;
        if has_frames && model.shows_folders {
            layout.folders = Some(Rect { width: FOLDERS, ..body });
            rest = Rect::new(FOLDERS, body.y, width - FOLDERS, body.height);
        } else if model.focus == Focus::Folders {
            let wide = (FOLDERS + 6).min(width);
            layout.folders = Some(Rect { width: wide, ..body });
            layout.folders_float = true;
        }
        let place = match model.preview {
            _ if !layout.fits_preview => Preview::Off,
            Preview::Auto if width >= VERY_WIDE => Preview::Beside,
            Preview::Auto => Preview::Below,
            chosen => chosen,
        };
        layout.has_preview = place != Preview::Off;
        match place {
            Preview::Beside => {
                let list = rest.width / 2;
                layout.list = Some(Rect { width: list, ..rest });
                layout.reader = Some(Rect { x: rest.x + list, width: rest.width - list, ..rest });
            }
            Preview::Below | Preview::Auto => {
                let list = LIST_ABOVE.min(rest.height * 2 / 5).max(PANE_LEAST + frame).min(rest.height);
                layout.list = Some(Rect { height: list, ..rest });
                layout.reader = Some(Rect { y: rest.y + list, height: rest.height - list, ..rest });
            }
            Preview::Off if model.shows_reader() => layout.reader = Some(rest),
            Preview::Off => layout.list = Some(rest),
        }
        layout
    }

    /// Gives the inside of a pane.
    pub(super) fn inner(&self, pane: Rect) -> Rect {
        if self.has_frames { inset(pane) } else { pane }
    }

    /// Gives the inside of the folders, which have a frame wherever they float.
    pub(super) fn folders_inner(&self) -> Rect {
        self.folders.map_or(Rect::ZERO, inset)
    }

    /// Gives the rows that the list shows at once.
    pub(super) fn list_height(&self) -> usize {
        usize::from(self.list.map_or(self.body.height, |list| self.inner(list).height)).max(1)
    }

    /// Gives where the text of the message stands: a column of air on each side.
    pub(super) fn text(&self) -> Rect {
        let pane = self.reader.map_or(self.body, |reader| self.inner(reader));
        Rect { x: pane.x + 1, width: pane.width.saturating_sub(2), ..pane }
    }

    /// Gives the columns that text is wrapped to.
    pub(super) fn text_width(&self) -> u16 {
        self.text().width.clamp(20, TEXT_WIDTH)
    }
}

/// Gives the rows of the line above the footer: nothing that is said there is cut.
fn line_rows(model: &Model, height: u16) -> u16 {
    (model.line().len() as u16).clamp(1, (height / 4).min(LINE_MOST))
}

/// Takes a frame of one cell away.
pub(super) fn inset(area: Rect) -> Rect {
    Rect::new(
        area.x.saturating_add(1),
        area.y.saturating_add(1),
        area.width.saturating_sub(2),
        area.height.saturating_sub(2),
    )
}

/// Gives a box in the middle of an area, never larger than it.
pub(super) fn centered(area: Rect, width: u16, height: u16) -> Rect {
    let (width, height) = (width.min(area.width), height.min(area.height));
    Rect::new(area.x + (area.width - width) / 2, area.y + (area.height - height) / 2, width, height)
}

/// Gives the box that lies over the panes, and its rows of choices inside.
pub(super) fn overlay_places(model: &Model) -> (Rect, Rect) {
    let screen = Rect::new(0, 1, model.width, model.height.saturating_sub(3));
    match &model.overlay {
        None => (Rect::ZERO, Rect::ZERO),
        Some(Overlay::Picker(picker)) => {
            let wide = match picker.kind {
                PickerKind::Palette | PickerKind::Help { .. } | PickerKind::History { .. } => PICKER_WIDE,
                PickerKind::GoTo | PickerKind::FolderFor(_) => PICKER_NARROW,
            };
            // Typed text, rules, and what there is to say about the choice, which takes two lines where they are short;
            // where there are few of them, the rules give way.
            let (above, below) = match (screen.height < PICKER_TIGHT, model.width < MEDIUM) {
                (true, _) => (1, 2),
                (false, true) => (2, 3),
                (false, false) => (2, 2),
            };
            // As tall as all there is to choose from, so that the box does not jump while typing filters.
            let rows = (picker.items.len() as u16).saturating_add(above + below + 2).min(PICKER_ROWS);
            let area = centered(screen, wide.min(screen.width.saturating_sub(2)), rows);
            let inner = inset(area);
            (area, Rect { y: inner.y + above, height: inner.height.saturating_sub(above + below), ..inner })
        }
        Some(Overlay::Links(links)) => {
            let wide = LINKS_WIDE.min(screen.width.saturating_sub(2));
            let lines = match links.asking {
                Some(_) => (links.target(usize::from(wide.saturating_sub(4))).len() as u16).saturating_add(2),
                None => (links.len() as u16).saturating_add(LINKS_REST).min(PICKER_ROWS),
            };
            let area = centered(screen, wide, lines.max(9));
            let inner = inset(area);
            if links.asking.is_some() {
                return (area, Rect { x: inner.x + 1, width: inner.width.saturating_sub(2), ..inner });
            }
            (area, Rect { height: inner.height.saturating_sub(LINKS_REST - 2), ..inner })
        }
        Some(Overlay::Question(_) | Overlay::Prompt(_)) => {
            let area = Rect::new(0, model.height.saturating_sub(QUESTION + 2), model.width, QUESTION);
            (area, inset(area))
        }
    }
}

/// Gives how many choices the open box shows at once.
pub(super) fn overlay_rows(model: &Model) -> usize {
    usize::from(overlay_places(model).1.height)
}

/// Gives the columns and rows in which the whole target of a link is shown.
pub(super) fn target_room(model: &Model) -> (usize, usize) {
    let (_, rows) = overlay_places(model);
    (usize::from(rows.width), usize::from(rows.height))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mail::account::{AccountStatus, Notice};
    use crate::mail::id::AccountId;
    use crate::ui::model::{Link, Settings, ToastKind};

    #[test]
    fn the_list_keeps_its_rows_whatever_there_is_to_say() {
        let notice = Notice { server_says: Some("拒".repeat(300)), ..notice() };
        for (words, says_much, preview) in [
            (None, true, Preview::Auto),
            (Some(notice.clone()), false, Preview::Below),
            (Some(notice.clone()), true, Preview::Beside),
            (Some(notice), true, Preview::Auto),
        ] {
            let mut model = Model::new(Settings::default());
            model.preview = preview;
            if let Some(notice) = words {
                let link = Link { status: AccountStatus::Blocked(notice), ..Link::default() };
                model.statuses.insert(AccountId(1), link);
            }
            if says_much {
                model.say(ToastKind::Error, "長い ".repeat(80));
            }
            for (width, height) in sizes() {
                (model.width, model.height) = (width, height);
                for focus in [Focus::List, Focus::Reader] {
                    model.focus = focus;
                    let layout = model.layout();
                    let panes = [layout.list, layout.reader].into_iter().flatten();
                    let parts: Vec<Rect> = panes.clone().chain([layout.line, layout.footer]).collect();
                    assert!(parts.iter().all(|part| part.bottom() <= height && !part.is_empty()), "{width}×{height}");
                    let shown = if layout.list.is_some() { layout.list } else { layout.reader };
                    let rows = shown.map_or(0, |pane| layout.inner(pane).height);
                    assert!(rows >= PANE_LEAST, "{width}×{height}: {rows} rows");
                }
            }
        }
    }

    fn sizes() -> impl Iterator<Item = (u16, u16)> {
        let widths = [40, 60, 80, 100, 120, 160, 200];
        widths.into_iter().flat_map(|width| (LEAST_HEIGHT..=40).map(move |height| (width, height)))
    }

    #[test]
    fn a_line_that_comes_and_goes_moves_no_panes() {
        let mut model = Model::new(Settings::default());
        for (width, height) in sizes() {
            (model.width, model.height) = (width, height);
            model.toast = None;
            let before = model.layout().has_preview;
            assert_eq!(before, width >= WIDE && height >= 16, "{width}×{height}");
            model.say(ToastKind::Done, "word ".repeat(60));
            assert_eq!(model.layout().has_preview, before, "{width}×{height}");
        }
    }

    fn notice() -> Notice {
        Notice {
            account: Some("work".into()),
            what: "the server refused to sign in".into(),
            remedy: "Look at the password.".into(),
            server_says: None,
        }
    }
}
