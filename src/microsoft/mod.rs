//! Meets the tenant over the wire: Microsoft Graph, and the settings service of Viva Insights.
